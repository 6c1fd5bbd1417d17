'use strict';
// The wiring of the page: it reads the JSON in the page, draws SVG and answers
// clicks. What is computed stands in charts.js.
(() => {
const {finite, text} = charts;
const data = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);
document.documentElement.classList.add('js');
const runs = data.runs;
const count = runs.label.length;
const state = {
  score: data.first === null ? 0 : data.first, dataset: 0, split: 'cells',
  methods: new Set(data.methods.map((_, i) => i)), run: null,
};
const rules = data.rules;
const colour = (m) => `var(--m${data.looks[m].colour})`;

// ---------------------------------------------------------------- drawing
function make(tag, attributes, parent) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'text') node.textContent = value;
    else node.setAttribute(key, value);
  }
  if (parent) parent.append(node);
  return node;
}

function frame(host, width, height, yRange, yLabel, title) {
  host.replaceChildren();
  const svg = make('svg', {
    viewBox: `0 0 ${width} ${height}`, class: 'plot', role: 'img',
    'aria-label': title, width, height}, host);
  const box = {left: 58, right: width - 12, top: 12, bottom: height - 44};
  const y = charts.linear(yRange, [box.bottom, box.top]);
  for (const t of charts.ticks(yRange[0], yRange[1], 5)) {
    make('line', {x1: box.left, x2: box.right, y1: y(t), y2: y(t),
                  class: 'grid'}, svg);
    make('text', {x: box.left - 6, y: y(t) + 4, 'text-anchor': 'end',
                  class: 'tick', text: String(t)}, svg);
  }
  make('text', {x: 0, y: 0, 'text-anchor': 'middle', text: yLabel,
    transform: `translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)`}, svg);
  return {svg, box, y, yRange};
}

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

function mark(svg, m, x, y, size, attributes) {
  const d = charts.outline(data.looks[m].mark, x, y, size);
  return make('path', {d, fill: colour(m), ...attributes}, svg);
}

function dot(svg, run, x, y, many) {
  const m = data.cells[runs.cell[run]].method;
  mark(svg, m, x, y, many ? 2.2 : 3, {
    class: 'dot' + (run === state.run ? ' chosen' : ''), 'data-run': run,
    'fill-opacity': many ? 0.5 : 0.7});
}

// ------------------------------------------------------------- selections
const shownCells = () => data.cells.map((_, i) => i).filter((i) =>
    data.cells[i].dataset === state.dataset &&
    state.methods.has(data.cells[i].method));

function shownRuns() {
  const cells = new Set(shownCells());
  return runs.cell.map((_, r) => r).filter((r) => cells.has(runs.cell[r]));
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
  if (!keys.length) { host.textContent = 'No run has this score.'; return; }
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
    charts.shifts(values, heights, rules).forEach((shift, i) =>
        dot(plot.svg, members[i], x + half * shift, plot.y(values[i]),
            members.length > rules.crowded));
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
          for (const r of members.get(c)) {
            dot(plot.svg, r, x(c), plot.y(score.values[r]));
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
  for (const r of chosen) {
    dot(plot.svg, r, x(cost.values[r]), plot.y(score.values[r]),
        chosen.length > 300);
  }
}

// -------------------------------------------------------------- one run
// `of` is `data`, or an entry of data.earlier: the runs of an earlier phase.
function runTitle(r, of = data) {
  const phase = of.phase ? `phase ${of.phase}, ` : '';
  return `${phase}run ${of.runs.label[r]}: ` +
      `${of.cells[of.runs.cell[r]].label}, seed ${of.runs.seed[r]}`;
}

function node(tag, content, className) {
  const element = document.createElement(tag);
  if (content !== undefined) element.textContent = content;
  if (className) element.className = className;
  return element;
}

function pictureOf(r, of) {
  const inside = of === data &&
      document.querySelector(`.pictures [data-sheets="${r}"]`);
  if (inside) return inside.cloneNode(true);
  if (!of.pictures[r]) return null;
  const sheets = document.createElement('div');
  sheets.innerHTML = of.pictures[r];  // the page's writer escaped names in it
  return sheets;
}

function showRun(r, of = data) {
  const chosen = of.runs;
  state.run = of === data ? r : null;
  const panel = byId('run');
  panel.hidden = false;
  byId('run-title').textContent = runTitle(r, of);
  byId('run-status').textContent = (chosen.status[r] === 'ok' ?
      `at step ${chosen.step[r].toLocaleString('en')}` :
      'diverged, no scores') + (finite(chosen.seconds[r]) ?
      `; ${text(chosen.seconds[r])} s of training` : '');
  const number = chosen.number[r], workdir = chosen.workdir[r];
  byId('run-command').textContent =
      `${data.commands[workdir]} --config.only=${number}`;
  let settings = of.hparams[chosen.hparams[r]];
  try { settings = JSON.stringify(JSON.parse(settings), null, 2); }
  catch (error) { /* shown as it was stored */ }
  byId('run-hparams').textContent = settings;
  const list = byId('run-scores');
  list.replaceChildren();
  for (const score of of.scores) {
    list.append(node('dt', score.label), node('dd', text(score.values[r])));
  }
  const host = byId('run-pictures');
  const sheets = pictureOf(r, of);
  host.replaceChildren(sheets || node('p',
      'This page holds no pictures of this run. To draw them: '));
  if (!sheets) host.append(node('pre', `${data.report_command} ` +
      `--workdir=${data.workdirs[workdir]} --run=${number}`));
  document.querySelectorAll('.dot').forEach((d) => d.classList.toggle(
      'chosen', Number(d.dataset.run) === state.run));
}

function showCell(c) {
  const score = data.scores[state.score];
  const sign = score && score.direction === 'lower' ? -1 : 1;
  const mine = runs.cell.map((_, r) => r).filter((r) => runs.cell[r] === c);
  const best = charts.best(mine, score ? score.values : [], sign);
  if (best !== null) { showRun(best); byId('run').scrollIntoView(); }
}

// -------------------------------------------------------------- controls
function option(select, value, label) {
  const choice = node('option', label);
  choice.value = value;
  select.append(choice);
}

function pickScore() {
  const name = byId('choose-score').value;
  const select = byId('choose-representation');
  const columns = data.scores.map((s, i) => [s, i]).filter(
      ([s]) => s.name === name);
  const before = select.value;
  select.replaceChildren();
  for (const [s, i] of columns) {
    option(select, String(i), s.representation || 'of observations');
  }
  const wanted = before === '' ? null : data.scores[Number(before)];
  const same = columns.find(([s]) =>
      wanted && s.representation === wanted.representation);
  select.value = String(same ? same[1] : columns[0][1]);
  if (state.fresh !== undefined) {
    select.value = String(state.fresh);
    state.fresh = undefined;
  }
  select.disabled = columns.length < 2;
}

function draw() {
  if (!data.scores.length || !count) return;
  state.score = Number(byId('choose-representation').value);
  document.querySelectorAll('.score').forEach((section) =>
      section.classList.toggle('shown',
          Number(section.dataset.score) === state.score));
  document.querySelectorAll('tr[data-cell]').forEach((row) => {
    const cell = data.cells[Number(row.dataset.cell)];
    row.hidden = cell.dataset !== state.dataset ||
        !state.methods.has(cell.method);
  });
  drawViolins();
  drawStrength();
  drawFront();
}

function sortable(table) {
  table.querySelectorAll('thead th').forEach((head, column) => {
    const button = node('button', head.textContent);
    button.type = 'button';
    head.replaceChildren(button);
    head.setAttribute('aria-sort', 'none');
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
      table.querySelectorAll('thead th').forEach((other) =>
          other.setAttribute('aria-sort', 'none'));
      head.setAttribute('aria-sort', down > 0 ? 'ascending' : 'descending');
      const body = table.tBodies[0];
      const key = (row) => {
        const cell = row.cells[column];
        if (cell.dataset.value === undefined) return cell.textContent;
        return cell.dataset.value === '' ? NaN : Number(cell.dataset.value);
      };
      [...body.rows].sort((a, b) => charts.compare(key(a), key(b), down))
          .forEach((row) => body.append(row));
    });
  });
}

if (data.scores.length && count) {
  const names = [...new Set(data.scores.map((s) => s.name))];
  names.forEach((name) => option(byId('choose-score'), name, name));
  byId('choose-score').value = data.scores[state.score].name;
  state.fresh = state.score;
  pickScore();
  byId('choose-score').addEventListener('change', () => {
    pickScore(); draw();
  });
  byId('choose-representation').addEventListener('change', draw);
  data.datasets.forEach((name, i) => option(byId('choose-dataset'), i, name));
  byId('dataset-label').hidden = data.datasets.length < 2;
  byId('choose-dataset').addEventListener('change', (event) => {
    state.dataset = Number(event.target.value); draw();
  });
  data.methods.forEach((name, i) => {
    const label = node('label', undefined, 'chip');
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = true;
    box.addEventListener('change', () => {
      if (box.checked) state.methods.add(i); else state.methods.delete(i);
      draw();
    });
    const spot = make('svg', {viewBox: '-7 -7 14 14', width: 14, height: 14});
    mark(spot, i, 0, 0, 4.5, {});
    label.append(box, spot, node('span', name));
    byId('choose-methods').append(label);
  });
  if (data.cells.length > 24) {
    state.split = 'methods';
    byId('choose-split').value = 'methods';
  }
  byId('choose-split').addEventListener('change', (event) => {
    state.split = event.target.value; drawViolins();
  });
  byId('charts').hidden = false;
  draw();
  let pending = 0, width = window.innerWidth;
  window.addEventListener('resize', () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(draw);
  });
} else {
  byId('controls').hidden = true;
}

document.querySelectorAll('table.sortable').forEach(sortable);
document.querySelectorAll('tr[data-cell]').forEach((row) =>
    row.addEventListener('click', () => showCell(Number(row.dataset.cell))));
document.querySelectorAll('[data-show-run]').forEach((button) =>
    button.addEventListener('click', () => {
      const phase = button.dataset.phase;
      showRun(Number(button.dataset.showRun),
          phase === undefined ? data : data.earlier[Number(phase)]);
      byId('run').scrollIntoView();
    }));
document.querySelectorAll('.pictures img').forEach((image) =>
    image.addEventListener('click', () =>
      image.closest('figure').classList.toggle('large')));
byId('run-close').addEventListener('click', () => {
  byId('run').hidden = true;
  state.run = null;
  document.querySelectorAll('.dot.chosen').forEach((d) =>
      d.classList.remove('chosen'));
});
const tip = byId('tip');
document.addEventListener('click', (event) => {
  if (event.target.classList.contains('dot')) {
    showRun(Number(event.target.dataset.run));
  }
});
document.addEventListener('pointermove', (event) => {
  const on = event.target.classList && event.target.classList.contains('dot');
  tip.style.display = on ? 'block' : 'none';
  if (!on) return;
  const r = Number(event.target.dataset.run);
  tip.textContent = `${runTitle(r)}: ` +
      text(data.scores[state.score].values[r]);
  tip.style.left = `${Math.min(event.clientX + 12, window.innerWidth - 200)}px`;
  tip.style.top = `${event.clientY + 14}px`;
});
})();
