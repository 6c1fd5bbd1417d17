'use strict';
// The charts' pure functions: numbers in, numbers or text out. They know
// nothing of the page, so that node can test them.
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

  // The range of an axis: that of the values and 6 % more at both ends.
  function extent(values) {
    let low = Infinity, high = -Infinity;
    for (const v of values) {
      if (finite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
    }
    if (low > high) return [0, 1];
    const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 0.5;
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

  // A kernel density at the points of a grid, not normalised.
  function density(values, grid) {
    const n = values.length;
    const mean = values.reduce((a, b) => a + b, 0) / n;
    const spread = Math.sqrt(
        values.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1));
    const width = 1.06 * spread * n ** -0.2;  // Silverman's rule
    return grid.map((g) => values.reduce(
        (a, v) => a + Math.exp(-0.5 * ((g - v) / width) ** 2), 0));
  }

  // The strengths of a panel and where they stand between left and right:
  // logarithmic where they span decades.
  function strengthScale(values, left, right) {
    const unique = [...new Set(values)].sort((a, b) => a - b);
    const positive = unique.filter((v) => v > 0);
    const log = positive.length > 1 && unique[0] >= 0 &&
        positive[positive.length - 1] / positive[0] >= 30;
    // On a log axis a zero sits one decade-third left of the least strength.
    const position = (v) => !log ? v :
        v > 0 ? Math.log10(v) : Math.log10(positive[0]) - 0.33;
    const ends = [unique[0], unique[unique.length - 1]].map(position);
    const x = linear(ends, [left + 18, right - 18]);
    return {unique, x: (v) => unique.length === 1 ? (left + right) / 2 :
        x(position(v))};
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

  // A fixed scatter in [-0.5, 0.5): the same picture at every visit.
  const scatter = (i) => (i * 0.618034) % 1 - 0.5;

  // Outline of the mark of method m around (x, y).
  function outline(m, x, y, size) {
    return [
      () => `M${x - size} ${y}a${size} ${size} 0 1 0 ${2 * size} 0` +
            `a${size} ${size} 0 1 0 ${-2 * size} 0z`,
      () => `M${x - size} ${y - size}h${2 * size}v${2 * size}h${-2 * size}z`,
      () => `M${x} ${y - 1.2 * size}l${1.2 * size} ${2.2 * size}` +
            `h${-2.4 * size}z`,
      () => `M${x} ${y - 1.3 * size}l${1.3 * size} ${1.3 * size}` +
            `l${-1.3 * size} ${1.3 * size}l${-1.3 * size} ${-1.3 * size}z`,
      () => `M${x} ${y + 1.2 * size}l${1.2 * size} ${-2.2 * size}` +
            `h${-2.4 * size}z`,
    ][m % 5]();
  }

  return {finite, text, ticks, extent, linear, quantile, density,
    strengthScale, spaced, front, best, compare, scatter, outline};
})();
if (typeof module !== 'undefined') module.exports = charts;
