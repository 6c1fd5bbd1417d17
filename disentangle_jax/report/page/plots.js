'use strict';
// The three charts of a score: over seeds, over strengths, against its cost.
const plots = (() => {
const {finite} = charts;
const {data, byId, runs, state, rules, colour, make, frame, mark, dot, rove,
  shownCells, shownRuns} = page;

function ceilingLine(plot, score) {
  // The axis does not grow for it.
  if (score.ceiling === null || score.ceiling < plot.yRange[0] ||
      score.ceiling > plot.yRange[1]) return;
  const at = plot.y(score.ceiling);
  make('line', {x1: plot.box.left, x2: plot.box.right, y1: at, y2: at,
                stroke: 'var(--soft)', 'stroke-dasharray': '3 3'}, plot.svg);
  make('text', {x: plot.box.right, y: at - 3, 'text-anchor': 'end',
    class: 'tick', text: `ceiling ${score.ceiling.toFixed(2)}`}, plot.svg);
}

function drawViolins() {
  const score = data.scores[state.score];
  const chosen = shownRuns().filter((r) => finite(score.values[r]));
  const groups = new Map();
  for (const r of chosen) {
    const cell = data.cells[runs.cell[r]];
    const key = state.split === 'cells' ? runs.cell[r] : cell.method;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(r);
  }
  const keys = [...groups.keys()].sort((a, b) => a - b);
  const outlines = state.split === 'cells' ? score.violins.cells :
      score.violins.methods.slice(state.dataset * data.methods.length);
  const host = byId('violins');
  if (!keys.length) {
    host.textContent = state.methods.size ? 'No run has this score.' :
        'No method is ticked.';
    return;
  }
  const width = Math.max(host.clientWidth, 90 + keys.length * 34, 300);
  const plot = frame(host, width, 300, charts.extent(chosen.map(
      (r) => score.values[r]), rules), score.label, 'Scores over seeds');
  plot.svg.style.maxWidth = 'none';
  const slot = (plot.box.right - plot.box.left) / keys.length;
  let previous = -1, start = 0;
  keys.forEach((key, k) => {
    const members = groups.get(key);
    const method = state.split === 'cells' ? data.cells[key].method : key;
    const x = plot.box.left + (k + 0.5) * slot;
    const half = Math.min(slot * 0.42, 46);
    const values = members.map((r) => score.values[r]);
    const sorted = [...values].sort((a, b) => a - b);
    const heights = outlines[key];
    if (heights) {
      const step = (sorted[sorted.length - 1] - sorted[0]) /
          (heights.length - 1);
      const side = (sign) => heights.map((h, i) =>
          `${x + sign * half * h / 1000},${plot.y(sorted[0] + i * step)}`);
      make('polygon', {points: [...side(1), ...side(-1).reverse()].join(' '),
        fill: colour(method), 'fill-opacity': 0.28,
        stroke: colour(method)}, plot.svg);
    }
    make('line', {x1: x, x2: x, y1: plot.y(charts.quantile(sorted, 0.25)),
      y2: plot.y(charts.quantile(sorted, 0.75)), stroke: 'var(--ink)',
      'stroke-width': 3, 'stroke-opacity': 0.55}, plot.svg);
    const shifts = charts.shifts(values, heights, rules);
    const order = values.map((_, i) => i).sort((i, j) => values[j] - values[i]);
    for (const i of order) {
      dot(plot.svg, members[i], x + half * shifts[i], plot.y(values[i]),
          members.length > rules.crowded, key);
    }
    make('circle', {cx: x, cy: plot.y(charts.quantile(sorted, 0.5)), r: 3.5,
      fill: 'var(--card)', stroke: 'var(--ink)', 'pointer-events': 'none'},
      plot.svg);
    if (state.split === 'cells') {
      const strength = data.cells[key].strength;
      make('text', {x, y: plot.box.bottom + 15, 'text-anchor': 'middle',
        class: 'tick', text: strength === null ? '' : `${strength}`},
        plot.svg);
    }
    if (method !== previous) { previous = method; start = k; }
    const next = k + 1 < keys.length ? (state.split === 'cells' ?
        data.cells[keys[k + 1]].method : keys[k + 1]) : null;
    if (next !== method) {
      const middle = plot.box.left + (start + k + 1) / 2 * slot;
      const name = state.split === 'cells' ? data.cells[key].strengthName : '';
      make('text', {x: middle, y: plot.box.bottom + 34,
        'text-anchor': 'middle', text: data.methods[method] +
        (name && k - start > 1 ? ` (${name})` : '')}, plot.svg);
      if (next !== null) {
        const edge = plot.box.left + (k + 1) * slot;
        make('line', {x1: edge, x2: edge, y1: plot.box.top,
          y2: plot.box.bottom + 38, class: 'grid'}, plot.svg);
      }
    }
  });
  ceilingLine(plot, score);
  rove(plot.svg);
}

function drawStrength() {
  const score = data.scores[state.score];
  const host = byId('strength');
  host.replaceChildren();
  const cells = shownCells().filter((c) =>
      data.cells[c].strength !== null && finite(score.mean[c]));
  if (!cells.length) {
    host.textContent = 'No method shown here has a strength with this score.';
    return;
  }
  const members = new Map(cells.map((c) => [c, []]));
  for (const r of shownRuns()) {
    if (members.has(runs.cell[r]) && finite(score.values[r])) {
      members.get(runs.cell[r]).push(r);
    }
  }
  // Methods without a strength: a line across every panel.
  const level = shownCells().filter((c) =>
      data.cells[c].strength === null && finite(score.mean[c]));
  const range = charts.extent([
    ...[...members.values()].flat().map((r) => score.values[r]),
    ...level.map((c) => score.mean[c])], rules);
  const names = [...new Set(cells.map((c) => data.cells[c].strengthName))];
  // All panels first: a panel's width depends on how many there are.
  const parts = names.map(() => document.createElement('div'));
  host.append(...parts);
  names.forEach((name, n) => {
    const part = parts[n];
    const plot = frame(part, Math.max(250, part.clientWidth), 260, range,
        score.label, `${score.label} against ${name}`);
    const mine = cells.filter((c) => data.cells[c].strengthName === name);
    const scale = charts.strengthScale(
        mine.map((c) => data.cells[c].strength),
        mine.map((c) => data.cells[c].at), plot.box.left, plot.box.right);
    for (const i of charts.spaced(scale.unique.map(scale.x), 26)) {
      const v = scale.unique[i];
      make('text', {x: scale.x(v), y: plot.box.bottom + 15,
        'text-anchor': 'middle', class: 'tick', text: `${v}`}, plot.svg);
    }
    make('text', {x: (plot.box.left + plot.box.right) / 2,
      y: plot.box.bottom + 34, 'text-anchor': 'middle', text: name}, plot.svg);
    const dashed = (m) => ({stroke: colour(m), 'stroke-width': 2,
      'stroke-dasharray': data.looks[m].dash.map((d) => 2 * d).join(' ')});
    for (const c of level) {
      const at = plot.y(score.mean[c]);
      make('line', {x1: plot.box.left, x2: plot.box.right, y1: at, y2: at,
        ...dashed(data.cells[c].method)}, plot.svg);
    }
    for (const m of new Set(mine.map((c) => data.cells[c].method))) {
      const line = mine.filter((c) => data.cells[c].method === m);
      const x = (c) => scale.x(data.cells[c].strength);
      const band = line.filter((c) => finite(score.low[c]));
      if (band.length > 1) {
        make('polygon', {fill: colour(m), 'fill-opacity': 0.2, points: [
          ...band.map((c) => `${x(c)},${plot.y(score.low[c])}`),
          ...band.map((c) => `${x(c)},${plot.y(score.high[c])}`).reverse(),
        ].join(' ')}, plot.svg);
      }
      make('polyline', {fill: 'none', ...dashed(m),
        points: line.map((c) => `${x(c)},${plot.y(score.mean[c])}`).join(' '),
      }, plot.svg);
      for (const c of line) {
        if (members.get(c).length <= rules.single) {
          for (const r of members.get(c).sort((r, s) =>
            score.values[s] - score.values[r])) {
            dot(plot.svg, r, x(c), plot.y(score.values[r]), false, c);
          }
        }
        if (finite(score.low[c])) {
          make('line', {x1: x(c), x2: x(c), y1: plot.y(score.low[c]),
            y2: plot.y(score.high[c]), stroke: 'var(--ink)',
            'stroke-width': 2}, plot.svg);
        }
        mark(plot.svg, m, x(c), plot.y(score.mean[c]), 5,
            {stroke: 'var(--ink)', 'pointer-events': 'none'});
      }
    }
    ceilingLine(plot, score);
    rove(plot.svg);
  });
}

function drawFront() {
  const score = data.scores[state.score];
  const card = byId('front-card');
  const cost = data.cost === null ? null : data.scores[data.cost];
  card.hidden = !cost || cost === score;
  if (card.hidden) return;
  const host = byId('front');
  const chosen = shownRuns().filter((r) =>
      finite(score.values[r]) && finite(cost.values[r]));
  if (!chosen.length) { host.textContent = 'No run has both.'; return; }
  const width = Math.max(260, Math.min(host.clientWidth, 900));
  const plot = frame(host, width, 320, charts.extent(chosen.map(
      (r) => score.values[r]), rules), score.label,
      `${score.label} against ${cost.label}`);
  const range = charts.extent(chosen.map((r) => cost.values[r]), rules);
  const x = charts.linear(range, [plot.box.left, plot.box.right]);
  for (const t of charts.ticks(range[0], range[1], 5)) {
    make('line', {x1: x(t), x2: x(t), y1: plot.box.top, y2: plot.box.bottom,
      class: 'grid'}, plot.svg);
    make('text', {x: x(t), y: plot.box.bottom + 15, 'text-anchor': 'middle',
      class: 'tick', text: `${t}`}, plot.svg);
  }
  make('text', {x: (plot.box.left + plot.box.right) / 2,
    y: plot.box.bottom + 34, 'text-anchor': 'middle', text: cost.label},
    plot.svg);
  if (score.direction !== 'none') {
    const sign = score.direction === 'lower' ? -1 : 1;
    const edge = charts.front(chosen.map((r) => cost.values[r]),
        chosen.map((r) => score.values[r]), sign).map((i) => {
      const r = chosen[i];
      return `${x(cost.values[r])},${plot.y(score.values[r])}`;
    });
    make('polyline', {points: edge.join(' '), fill: 'none',
      stroke: 'var(--ink)', 'stroke-opacity': 0.6}, plot.svg);
  }
  for (const r of chosen.sort((r, s) => cost.values[r] - cost.values[s])) {
    dot(plot.svg, r, x(cost.values[r]), plot.y(score.values[r]),
        chosen.length > 300, 'all');
  }
  rove(plot.svg);
}

function draw() {
  drawViolins();
  drawStrength();
  drawFront();
}

return {draw, drawViolins};
})();
