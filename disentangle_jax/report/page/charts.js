'use strict';
// The charts' pure functions: numbers in, numbers or text out. They know
// nothing of the page, so that node can test them. What `rules` are, and what
// print draws by the same ones, says report/charts.py.
const charts = (() => {
  const finite = (x) => x !== null && Number.isFinite(x);

  // A number as tables show it: 0.312, 2.31, 23.1; a dash where there is none.
  function text(x) {
    if (!finite(x)) return '\u2013';
    const size = Math.abs(x);
    if (size === 0) return '0';
    if (size < 1e-3 || size >= 1e6) return x.toExponential(2);
    return x.toFixed(size < 1 ? 3 : size < 10 ? 2 : 1);
  }

  // Round numbers in [low, high], about as many as wanted: steps of 1, 2 or 5.
  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough);
    const values = [];
    for (let k = Math.ceil(low / step); k * step <= high + 1e-9 * step; k++) {
      values.push(Number((k * step).toPrecision(12)));
    }
    return values;
  }

  // The range of an axis: that of the values and a share more at both ends.
  function extent(values, rules) {
    let low = Infinity, high = -Infinity;
    for (const v of values) {
      if (finite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
    }
    if (low > high) return [0, 1];
    const room = (high - low) * rules.room || Math.abs(high) * 0.1 || 0.5;
    return [low - room, high + room];
  }

  // Maps [from[0], from[1]] linearly to [to[0], to[1]].
  const linear = (from, to) => (v) =>
      to[0] + (v - from[0]) / (from[1] - from[0]) * (to[1] - to[0]);

  // Of sorted values, q in [0, 1], with linear interpolation.
  function quantile(sorted, q) {
    const at = (sorted.length - 1) * q, low = Math.floor(at);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
  }

  // How far aside the marks of a violin stand, in half widths of it. Heights
  // are its outline in thousandths, from the least value to the greatest.
  function shifts(values, heights, rules) {
    const low = Math.min(...values), span = Math.max(...values) - low;
    return values.map((v, i) => {
      const scatter = (i * rules.golden) % 1 - 0.5;
      if (!heights) return scatter * rules.without;
      const nearest = Math.floor((v - low) / span * (heights.length - 1) + 0.5);
      return scatter * rules.within * heights[nearest] / 1000;
    });
  }

  // Strengths and where they stand between left and right, each once and in
  // order, from their positions on the axis.
  function strengthScale(strengths, positions, left, right) {
    const at = new Map(strengths.map((s, i) => [s, positions[i]]));
    const unique = [...at.keys()].sort((a, b) => a - b);
    const ends = [at.get(unique[0]), at.get(unique[unique.length - 1])];
    const x = linear(ends, [left + 18, right - 18]);
    return {unique, x: (s) => unique.length === 1 ? (left + right) / 2 :
        x(at.get(s))};
  }

  // Which labels have room: indices of positions at least `room` apart.
  function spaced(positions, room) {
    const chosen = [];
    let last = -Infinity;
    positions.forEach((at, i) => {
      if (at - last >= room) { last = at; chosen.push(i); }
    });
    return chosen;
  }

  // The runs that no other run beats in both, cheapest first: indices.
  function front(cost, values, sign) {
    const order = cost.map((_, i) => i).sort((a, b) =>
        cost[a] - cost[b] || sign * (values[b] - values[a]));
    let best = -Infinity;
    return order.filter((i) => {
      const better = sign * values[i] > best;
      if (better) best = sign * values[i];
      return better;
    });
  }

  // The run to show of several: the best by its value, else the first.
  function best(runs, values, sign) {
    let chosen = null;
    for (const r of runs) {
      if (chosen === null || (finite(values[r]) && (!finite(values[chosen]) ||
          sign * values[r] > sign * values[chosen]))) chosen = r;
    }
    return chosen;
  }

  // Order of two keys of a table's rows: numbers by size, NaN always last,
  // text by the alphabet; down is 1 or -1.
  function compare(x, y, down) {
    if (typeof x === 'string') return down * x.localeCompare(y, 'en');
    if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
    return Number.isNaN(y) ? -1 : down * (x - y);
  }

  // Outline of a mark around (x, y): points upwards in radii, none: a circle.
  function outline(points, x, y, size) {
    if (!points.length) {
      return `M${x - size} ${y}a${size} ${size} 0 1 0 ${2 * size} 0` +
          `a${size} ${size} 0 1 0 ${-2 * size} 0z`;
    }
    const corners = points.map(([right, up]) =>
        `${(x + right * size).toFixed(2)} ${(y - up * size).toFixed(2)}`);
    return `M${corners.join('L')}z`;
  }

  // Where numbers stand on an axis: as they are, or their logarithms where they
  // reach over decades; the same as `positions` of report/charts.py.
  function positions(values, rules) {
    const positive = values.filter((v) => v > 0);
    const least = Math.min(...positive), most = Math.max(...positive);
    if (values.some((v) => v < 0) || !(most > least) ||
        most / least < rules.decades) return values;
    const zero = Math.log10(least) - rules.zero;
    return values.map((v) => v > 0 ? Math.log10(v) : zero);
  }

  // The mark that a key leads to from mark `at`: up and down inside its group
  // and on to the next, left and right to the same place of the group beside
  // it. `groups` names the group of every mark; null for other keys.
  function step(key, at, groups) {
    const last = groups.length - 1;
    const inside = (i) => Math.max(0, Math.min(last, i));
    if (key === 'Home') return 0;
    if (key === 'End') return last;
    if (key === 'ArrowUp') return inside(at - 1);
    if (key === 'ArrowDown') return inside(at + 1);
    if (key !== 'ArrowLeft' && key !== 'ArrowRight') return null;
    const names = [...new Set(groups)];
    const way = key === 'ArrowRight' ? 1 : -1;
    if (names.length < 2) return inside(at + way);
    const next = names[names.indexOf(groups[at]) + way];
    if (next === undefined) return at;
    const place = at - groups.indexOf(groups[at]);
    return groups.indexOf(next) + Math.min(
        place, groups.filter((name) => name === next).length - 1);
  }

  // Whether a place on an axis lies in a range; null: an end that is open. What
  // has no place lies in no range.
  const within = (at, [low, high]) => at !== null &&
      (low === null || at >= low) && (high === null || at <= high);

  return {finite, positions, step, within, text, ticks, extent, linear, quantile, shifts,
    strengthScale, spaced, front, best, compare, outline};
})();
if (typeof module !== 'undefined') module.exports = charts;
