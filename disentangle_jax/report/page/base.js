'use strict';
// What all parts of the page share: its numbers, what is chosen, and how
// things are made. What is computed stands in charts.js.
const page = (() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const byId = (id) => document.getElementById(id);
  const runs = data.runs;
  const state = {
    score: data.first === null ? 0 : data.first, dataset: 0,
    split: data.cells.length > 24 ? 'methods' : 'cells',
    methods: new Set(data.methods.map((_, i) => i)),
    all: false,  // whether doubles of scores are shown too
    run: null,  // run_id of the run in the drawer, of any phase
    pins: [],  // run_ids, two at most
    ranges: new Map(),  // name of an axis -> [low, high], null: open
    brushed: null,  // runs inside all ranges; null without any range
  };
  const colour = (m) => `var(--m${data.looks[m].colour})`;

  // run_id -> where the run stands: `data`, or an entry of data.earlier.
  const places = new Map();
  for (const of of [...data.earlier, data]) {
    of.runs.id.forEach((id, r) => places.set(id, {of, r}));
  }

  // A node of HTML; `attributes` as they are written there.
  function node(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }

  // A node of SVG; `text` is what stands in it.
  function make(tag, attributes, parent) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === 'text') element.textContent = value;
      else element.setAttribute(key, value);
    }
    if (parent) parent.append(element);
    return element;
  }

  function frame(host, width, height, yRange, yLabel, title) {
    host.replaceChildren();
    const svg = make('svg', {
      viewBox: `0 0 ${width} ${height}`, class: 'plot', role: 'group',
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
      transform: `translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)`},
      svg);
    return {svg, box, y, yRange};
  }

  function mark(svg, m, x, y, size, attributes) {
    const d = charts.outline(data.looks[m].mark, x, y, size);
    return make('path', {d, fill: colour(m), ...attributes}, svg);
  }

  function runTitle(r, of = data) {
    const phase = of.phase ? `phase ${of.phase}, ` : '';
    return `${phase}run ${of.runs.label[r]}: ` +
        `${of.cells[of.runs.cell[r]].label}, seed ${of.runs.seed[r]}`;
  }

  // What is read out and shown of a run's mark: which it is and its score.
  const describe = (r) => `${runTitle(r)}: ` + (data.scores.length ?
      charts.text(data.scores[state.score].values[r]) : '');

  // What makes a node the mark of a run: it is clicked, pointed at, walked to
  // with arrow keys inside its group, and dimmed outside the ranges.
  function markOf(r, group, name) {
    const chosen = runs.id[r] === state.run || state.pins.includes(runs.id[r]);
    const dim = state.brushed !== null && !state.brushed.has(r);
    return {class: name + (chosen ? ' chosen' : '') + (dim ? ' dim' : ''),
      'data-run': r, 'data-group': group, role: 'button', tabindex: -1,
      'aria-label': describe(r)};
  }

  function dot(svg, r, x, y, many, group) {
    const m = data.cells[runs.cell[r]].method;
    mark(svg, m, x, y, many ? 2.2 : 3, {
      ...markOf(r, group, 'dot'), 'fill-opacity': many ? 0.5 : 0.7});
  }

  // One mark of a chart is reached by the key Tab: where one was before.
  function rove(svg) {
    const marks = [...svg.querySelectorAll('[data-run]')];
    const at = marks.find((m) => m.classList.contains('chosen')) || marks[0];
    if (at) at.setAttribute('tabindex', 0);
  }

  const shownCells = () => data.cells.map((_, i) => i).filter((i) =>
      data.cells[i].dataset === state.dataset &&
      state.methods.has(data.cells[i].method));

  function shownRuns() {
    const cells = new Set(shownCells());
    return runs.cell.map((_, r) => r).filter((r) => cells.has(runs.cell[r]));
  }

  return {data, byId, runs, state, rules: data.rules, colour, places, node,
    make, frame, mark, runTitle, describe, markOf, dot, rove, shownCells,
    shownRuns};
})();
