'use strict';
// The curves of one run against its setting's, or of runs side by side.
const curves = (() => {
const {finite, text} = charts;
const {data, colour, node, make, runTitle} = page;
const GREY = {stroke: 'var(--soft)', 'stroke-opacity': 0.35};  // other runs
const DASHES = ['', '6 3', '2 3'];  // of the runs side by side
const SIGNS = ['A', 'B', 'C'];

// The other runs of a run's setting.
const others = ({of, r}) => of.runs.cell.map((_, s) => s).filter((s) =>
    s !== r && of.runs.cell[s] === of.runs.cell[r]);

function of(columns) {
  const names = ['loss', 'kl'].filter((name) => columns.some(({of, r}) =>
      of.curves.runs[r] && of.curves.runs[r][name]));
  const titles = {loss: 'loss', kl: 'KL, nats'};
  if (!names.length) {
    return [node('p', {class: 'soft'}, columns.every(({of, r}) =>
        !of.curves.runs[r]) && data.runs.id.length > data.curvesMost ?
        'A page of so many runs holds the curves of the runs in pictures ' +
        'alone.' : 'No curve of this run was recorded.')];
  }
  const line = ({of, r}, name) => {
    const own = of.curves.runs[r] && of.curves.runs[r][name];
    return own ? of.curves.steps[own[0]].map((step, i) => [step, own[1][i]])
        .filter(([, v]) => finite(v)) : [];
  };
  return names.map((name) => {
    const mine = columns.map((column) => line(column, name));
    const rest = columns.length > 1 ? [] : others(columns[0]).map((r) =>
        line({of: columns[0].of, r}, name));
    const values = [...mine, ...rest].flat();
    const host = node('div', {class: 'curve'});
    const said = mine.filter((points) => points.length).map((points, i) => {
      const [from, to] = [points[0], points[points.length - 1]];
      return `${SIGNS[i]}: ${text(from[1])} at step ${from[0]}, ` +
          `${text(to[1])} at step ${to[0]}`;
    }).join('; ');
    const plot = page.frame(host, 260, 165, charts.extent(
        values.map(([, v]) => v), data.rules), titles[name],
        `${titles[name]} over training. ${said}`);
    plot.svg.setAttribute('role', 'img');
    const steps = values.map(([step]) => step);
    const range = [Math.min(...steps), Math.max(...steps)];
    const x = charts.linear(range, [plot.box.left, plot.box.right]);
    for (const t of charts.ticks(range[0], range[1], 3)) {
      make('text', {x: x(t), y: plot.box.bottom + 15,
        'text-anchor': x(t) > plot.box.right - 16 ? 'end' : 'middle',
        class: 'tick', text: t.toLocaleString('en')}, plot.svg);
    }
    make('text', {x: (plot.box.left + plot.box.right) / 2,
      y: plot.box.bottom + 33, 'text-anchor': 'middle', text: 'step'},
      plot.svg);
    const draw = (points, look) => make('polyline', {fill: 'none', points:
        points.map(([s, v]) => `${x(s)},${plot.y(v)}`).join(' '), ...look},
        plot.svg);
    for (const points of rest) {
      draw(points, {...GREY, class: 'other'});
    }
    const look = (i) => ({stroke: inkOf(columns, i), 'stroke-width': 2,
      'stroke-dasharray': DASHES[i]});
    mine.forEach((points, i) => {
      if (points.length) draw(points, {...look(i), class: 'own'});
    });
    const greys = rest.length ? [{name: "the setting's other runs",
      line: GREY}] : [];
    host.append(saves.group(plot.svg.parentElement, {
      title: () => `${titles[name]} over training`,
      name: () => `${name} ${columns.map((column) => 'run ' +
          column.of.runs.label[column.r]).join(' ')}`,
      table: () => table(columns, titles[name], mine, rest),
      entries: () => [...columns.map((column, i) => ({line: look(i),
        name: runTitle(column.r, column.of)})), ...greys],
    }));
    return host;
  }).concat(columns.length > 1 ? [] : [node('p', {class: 'soft small'},
      "Grey: the setting's other runs.")]);
}

// What the curves show, a row per point.
function table(columns, title, mine, rest) {
  const runs = [...columns, ...(rest.length ? others(columns[0]).map((r) =>
      ({of: columns[0].of, r})) : [])];
  return [['run', 'run_id', 'setting', 'seed', 'step', title],
    [...mine, ...rest].flatMap((points, i) => {
      const {of, r} = runs[i];
      const own = [of.runs.label[r], of.runs.id[r],
        of.cells[of.runs.cell[r]].label, of.runs.seed[r]];
      return points.map(([step, value]) => [...own, step, value]);
    })];
}

// Colours of methods where they differ; one run of an earlier phase has none.
function inkOf(columns, i) {
  const {of, r} = columns[i];
  return of === data ? colour(data.cells[of.runs.cell[r]].method) :
      'var(--ink)';
}

return {of, others, inkOf, DASHES, SIGNS};
})();
