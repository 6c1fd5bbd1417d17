'use strict';
// What the charts of a score show, as tables and legends: the chosen score, the
// methods that are ticked, and which runs are in the ranges.
const shown = (() => {
const {finite} = charts;
const {data, byId, runs, state, colour, shownCells, shownRuns} = page;
const RUN = ['run', 'run_id', 'data set', 'method', 'setting', 'seed'];
const score = () => data.scores[state.score];

function ofRun(r) {
  const cell = data.cells[runs.cell[r]];
  return [runs.label[r], runs.id[r], data.datasets[cell.dataset],
    data.methods[cell.method], cell.label, runs.seed[r]];
}

// A table of runs; with ranges picked, whether each is in them.
function ofRuns(chosen, heads, values) {
  const ranged = state.brushed !== null;
  return [[...RUN, ...heads, ...(ranged ? ['in ranges'] : [])],
    chosen.map((r) => [...ofRun(r), ...values(r),
      ...(ranged ? [state.brushed.has(r) ? 1 : 0] : [])])];
}

const scored = () => shownRuns().filter((r) => finite(score().values[r]));

const violins = () => ofRuns(scored(), [score().label],
    (r) => [score().values[r]]);

// Means with their intervals, then the runs that are shown singly.
function strength() {
  const cells = shownCells().filter((c) => finite(score().mean[c]));
  const where = (c) => {
    const cell = data.cells[c];
    return [data.datasets[cell.dataset], data.methods[cell.method],
      cell.strengthName, cell.strength];
  };
  const rows = cells.map((c) => ['mean', ...where(c), null, null, null,
    score().mean[c], score().low[c], score().high[c]]);
  for (const c of cells.filter((one) => data.cells[one].strength !== null)) {
    const mine = scored().filter((r) => runs.cell[r] === c);
    if (mine.length > data.rules.single) continue;
    rows.push(...mine.map((r) => ['run', ...where(c), runs.label[r],
      runs.id[r], runs.seed[r], score().values[r], null, null]));
  }
  return [['what', 'data set', 'method', 'strength', 'value', 'run', 'run_id',
    'seed', score().label, 'low', 'high'], rows];
}

function front() {
  const cost = data.scores[data.cost];
  const chosen = scored().filter((r) => finite(cost.values[r]));
  const sign = score().direction === 'lower' ? -1 : 1;
  const best = new Set(score().direction === 'none' ? [] : charts.front(
      chosen.map((r) => cost.values[r]), chosen.map((r) => score().values[r]),
      sign).map((i) => chosen[i]));
  return ofRuns(chosen, [cost.label, score().label, 'on the line'],
      (r) => [cost.values[r], score().values[r], best.has(r) ? 1 : 0]);
}

function parallel() {
  const lines = axes.lines().filter((one) => !RUN.includes(one.name));
  return ofRuns(shownRuns(), lines.map((one) => one.title), (r) => lines.map(
      (one) => one.names && one.values[r] !== null ? one.names[one.values[r]] :
        one.values[r]));
}

// ------------------------------------------------------------------- legends
function entries(looks) {
  const there = [...new Set(shownCells().map((c) => data.cells[c].method))];
  return there.map((m) => ({name: data.methods[m], colour: colour(m),
    ...(looks.mark ? {mark: data.looks[m].mark} : {}),
    ...(looks.line ? {line: {stroke: colour(m), 'stroke-width': 2,
      'stroke-dasharray': data.looks[m].dash.map((d) => 2 * d).join(' ') ||
          'none'}} : {})}));
}

// ------------------------------------------------------------------- buttons
const CHARTS = {
  violins: ['Scores over seeds', violins, null],
  strength: ['Score against strength', strength, {mark: true, line: true}],
  front: ['Score against reconstruction error', front, {mark: true}],
  axes: ['Hyper-parameters and score', parallel, {line: true}],
};
const groups = Object.entries(CHARTS).map(([id, [heading, table, looks]]) => {
  const about = {
    title: () => heading,
    name: () => `${heading} ${score().label}` + (data.datasets.length > 1 ?
        ` ${data.datasets[state.dataset]}` : ''),
    table,
    entries: () => looks ? entries(looks) : [],
  };
  const made = saves.group(byId(id), about);
  byId(id).after(made);
  return [byId(id), made];
});

// A chart that says why it is empty has nothing to save.
function refresh() {
  for (const [host, made] of groups) made.hidden = !host.querySelector('svg');
}

return {refresh};
})();
