'use strict';
// Parallel coordinates: a line per run over its hyper-parameters and the
// chosen score; ranges on the axes pick runs in all charts.
const axes = (() => {
const {finite, text} = charts;
const {data, byId, runs, state, rules, colour, make, node, markOf, rove,
  shownRuns} = page;
const MOST = 9;  // axes before the score's
const SCORE = 'score';
const MISSING = '\u2013';
let changed = () => {};
let lines = [];  // the axes that are drawn

// --------------------------------------------------------------- the axes
const parsed = data.hparams.map((written) => {
  try { return Object(JSON.parse(written)); } catch (error) { return {}; }
});

function fieldsOf(r) {
  const cell = data.cells[runs.cell[r]];
  const own = parsed[runs.hparams[r]];
  const fields = {'data set': data.datasets[cell.dataset],
    method: data.methods[cell.method]};
  for (const [name, value] of Object.entries(own)) {
    if (value === null || typeof value === 'object') {
      fields[name] = value === null ? undefined : JSON.stringify(value);
    } else {
      fields[name] = typeof value === 'number' ? value : String(value);
    }
  }
  // What a method is strong by may be a setting of an earlier phase.
  if (cell.strengthName && cell.strength !== null) {
    fields[cell.strengthName] = cell.strength;
  }
  return fields;
}

// Those that vary over the runs, in order: {name, values, kind, places,
// names}. A run's place is its number on the axis, or null where it has none.
function axesOf() {
  const fields = runs.cell.map((_, r) => fieldsOf(r));
  const names = [...new Set(fields.flatMap(Object.keys))];
  const axes = names.map((name) => axis(name, fields.map((f) => f[name])))
      .filter((one) => one.names ? one.names.length > 1 :
          new Set(one.values.filter(finite)).size > 1).slice(0, MOST);
  const score = data.scores[state.score];
  return [...axes, {...axis(SCORE, score.values.map((v) =>
      finite(v) ? v : undefined)), title: score.label}];
}

function axis(name, values) {
  const there = values.filter((v) => v !== undefined);
  if (there.some((v) => typeof v !== 'number')) {
    const names = [...new Set(there.map(String))];
    return {name, title: name, names, values: values.map((v) =>
        v === undefined ? null : names.indexOf(String(v)))};
  }
  return {name, title: name, names: null,
    values: values.map((v) => v === undefined ? null : v)};
}

// A range as it is kept and linked: numbers, or names, as texts; '' is open.
function numbers(one, [low, high]) {
  const number = (end) => {
    if (end === '') return null;
    if (!one.names) return Number.isFinite(Number(end)) ? Number(end) : null;
    const at = one.names.indexOf(end);
    return at < 0 ? null : at;
  };
  return [number(low), number(high)];
}

function brush() {
  const ranges = [...state.ranges].map(([name, range]) => {
    const one = lines.find((a) => a.name === name);
    return one && [one, numbers(one, range)];
  }).filter((pair) => pair && pair[1].some((end) => end !== null));
  state.brushed = ranges.length ? new Set(runs.cell.map((_, r) => r).filter(
      (r) => ranges.every(([one, range]) =>
          charts.within(one.values[r], range)))) : null;
  return ranges;
}

// -------------------------------------------------------------- the chart
function draw() {
  lines = axesOf();
  brush();
  const host = byId('axes');
  host.replaceChildren();
  const chosen = shownRuns();
  byId('axes-card').hidden = lines.length < 2 || !chosen.length;
  if (byId('axes-card').hidden) return;
  const room = 110;
  const width = Math.max(host.clientWidth, lines.length * room, 280);
  const height = 300, top = 34, bottom = height - 40;
  const svg = make('svg', {viewBox: `0 0 ${width} ${height}`, class: 'plot',
    role: 'group', 'aria-label': 'Runs over hyper-parameters and the score',
    width, height}, host);
  svg.style.maxWidth = 'none';
  const x = (i) => 48 + i * (width - 110) / (lines.length - 1);
  lines.forEach((one) => {
    const places = one.names ? one.values : scaled(one);
    const range = charts.extent(places, rules);
    const scale = charts.linear(range, [bottom, top]);
    one.y = (r) => finite(places[r]) ? scale(places[r]) : bottom + 16;
    one.scale = scale;
    one.ticks = one.names ? one.names.map((name, i) => [i, name]) :
        ticksOf(one, places);
    one.invert = inverse(one, scale);
  });
  const score = data.scores[state.score];
  const order = chosen.sort((r, s) =>
      (finite(score.values[s]) ? score.values[s] : -Infinity) -
      (finite(score.values[r]) ? score.values[r] : -Infinity));
  const many = order.length > 120;
  for (const r of order) {
    const m = data.cells[runs.cell[r]].method;
    make('polyline', {...markOf(r, 'all', 'thread'), fill: 'none',
      stroke: colour(m), 'stroke-width': many ? 1 : 1.5,
      'stroke-opacity': many ? 0.35 : 0.6,
      'stroke-dasharray': data.looks[m].dash.map((d) => 2 * d).join(' '),
      points: lines.map((one, i) => `${x(i)},${one.y(r)}`).join(' ')}, svg);
  }
  lines.forEach((one, i) => drawAxis(svg, one, x(i), top, bottom, i));
  rove(svg);
  inputs();
  said();
}

// Places of an axis of numbers: over decades their logarithms.
function scaled(one) {
  const where = one.values.map((_, r) => r).filter((r) => one.values[r] !==
      null);
  const places = charts.positions(where.map((r) => one.values[r]), rules);
  const all = one.values.map(() => null);
  where.forEach((r, i) => { all[r] = places[i]; });
  one.logged = where.some((r, i) => places[i] !== one.values[r]);
  return all;
}

function ticksOf(one, places) {
  const at = new Map(one.values.map((v, r) => [v, places[r]]));
  at.delete(null);
  const values = [...at.keys()].sort((a, b) => a - b);
  if (values.length <= 8) return values.map((v) => [at.get(v), `${v}`]);
  if (one.logged) {
    return charts.spaced(values.map((v) => at.get(v)), 0.5).map(
        (i) => [at.get(values[i]), text(values[i])]);
  }
  return charts.ticks(values[0], values[values.length - 1], 5).map(
      (t) => [t, `${t}`]);
}

// From a height in the chart to a number of the axis.
function inverse(one, scale) {
  const [zero, unit] = [scale(0), scale(1)];
  return (y) => {
    const place = (y - zero) / (unit - zero);
    if (!one.logged) return place;
    const least = Math.min(...one.values.filter((v) => v > 0));
    // A zero stands left of the least number.
    return place < Math.log10(least) - rules.zero / 2 ? 0 : 10 ** place;
  };
}

function drawAxis(svg, one, x, top, bottom, i) {
  const last = i === lines.length - 1;
  make('line', {x1: x, x2: x, y1: top, y2: bottom, class: 'axis'}, svg);
  make('text', {x: last ? x + 40 : x, y: 14, 'text-anchor': last ? 'end' :
      'middle', class: 'axis-name', text: short(one.title, last ? 34 : 17)},
      svg).append(make('title', {text: one.title}));
  for (const [place, label] of one.ticks) {
    make('text', {x: x + 6, y: one.scale(place) + 4, class: 'tick',
      text: short(label, 12)}, svg);
  }
  if (one.values.some((v) => !finite(v))) {
    make('text', {x, y: bottom + 34, 'text-anchor': 'middle', class: 'tick',
      text: 'none'}, svg);
  }
  const box = make('rect', {x: x - 9, width: 18, y: top, height: 0,
    class: 'range'}, svg);
  const hit = make('rect', {x: x - 13, width: 26, y: top - 6,
    height: bottom - top + 12, class: 'brush', 'data-axis': one.name}, svg);
  const show = () => {
    const range = numbers(one, state.ranges.get(one.name) || ['', '']);
    const places = ends(one, range, top, bottom);
    box.setAttribute('y', Math.min(...places));
    box.setAttribute('height', places[0] === null ? 0 :
        Math.abs(places[0] - places[1]));
  };
  one.show = show;
  show();
  dragging(svg, one, hit, box, top, bottom);
}

const short = (name, most) => name.length > most ?
    `${name.slice(0, most - 1)}\u2026` : name;

// Heights of a range's ends: those of the axis where it is open.
function ends(one, [low, high], top, bottom) {
  if (low === null && high === null) return [bottom, bottom];
  const place = (v) => one.logged ? (v > 0 ? Math.log10(v) : null) : v;
  const half = one.names ? 0.4 : 0;
  const at = (v, side, open) => v === null || place(v) === null ? open :
      Math.max(top, Math.min(bottom, one.scale(place(v) + side)));
  return [at(low, -half, bottom), at(high, half, top)];
}

function dragging(svg, one, hit, box, top, bottom) {
  let from = null;
  const height = (event) => {
    const view = svg.getBoundingClientRect();
    const y = (event.clientY - view.top) * 300 / view.height;
    return Math.max(top, Math.min(bottom, y));
  };
  hit.addEventListener('pointerdown', (event) => {
    from = height(event);
    hit.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  hit.addEventListener('pointermove', (event) => {
    if (from === null) return;
    const to = height(event);
    box.setAttribute('y', Math.min(from, to));
    box.setAttribute('height', Math.abs(from - to));
  });
  hit.addEventListener('pointerup', (event) => {
    if (from === null) return;
    const to = height(event);
    const [low, high] = [Math.max(from, to), Math.min(from, to)];
    from = null;
    if (low - high < 4) setRange(one, ['', '']);
    else setRange(one, one.names ? namesWithin(one, low, high) :
        [low, high].map((y) => String(Number(one.invert(y).toPrecision(3)))));
  });
}

// First and last name between two heights; none: the nearest to them.
function namesWithin(one, low, high) {
  const inside = one.names.filter((_, i) => one.scale(i) <= low &&
      one.scale(i) >= high);
  return inside.length ? [inside[0], inside[inside.length - 1]] : ['', ''];
}

// -------------------------------------------------------------- the ranges
function setRange(one, range) {
  if (range.every((end) => end === '')) state.ranges.delete(one.name);
  else state.ranges.set(one.name, range);
  apply();
  changed();
}

// Shows in every chart which runs are inside.
function apply() {
  brush();
  lines.forEach((one) => one.show && one.show());
  document.querySelectorAll('[data-run]').forEach((m) => m.classList.toggle(
      'dim', state.brushed !== null &&
      !state.brushed.has(Number(m.dataset.run))));
  for (const field of byId('axes-inputs').querySelectorAll('[data-end]')) {
    const range = state.ranges.get(field.dataset.axis) || ['', ''];
    if (field.value !== range[field.dataset.end]) {
      field.value = range[field.dataset.end];
    }
  }
  said();
}

function said() {
  const chosen = shownRuns();
  const inside = state.brushed === null ? chosen :
      chosen.filter((r) => state.brushed.has(r));
  byId('axes-said').textContent = state.brushed === null ?
      'Drag along an axis to pick runs.' :
      `${inside.length} of ${chosen.length} runs are in the ranges.`;
  byId('axes-clear').hidden = !state.ranges.size;
}

// The same ranges to be typed.
function inputs() {
  const host = byId('axes-inputs');
  host.replaceChildren(...lines.map((one) => {
    const range = state.ranges.get(one.name) || ['', ''];
    const fields = ['from', 'to'].map((end, i) => {
      const attributes = {'aria-label': `${one.title} ${end}`,
        'data-axis': one.name, 'data-end': i};
      let field;
      if (one.names) {
        field = node('select', attributes, node('option', {value: ''},
            `${end} any`), ...one.names.map((name) =>
          node('option', {value: name}, name)));
      } else {
        field = node('input', {...attributes, type: 'number', step: 'any',
          placeholder: end});
      }
      field.value = range[i];
      field.addEventListener('change', () => {
        const now = [...(state.ranges.get(one.name) || ['', ''])];
        now[i] = field.value;
        setRange(one, now);
      });
      return field;
    });
    return node('fieldset', {}, node('legend', {}, one.title), ...fields);
  }));
}

byId('axes-clear').addEventListener('click', () => {
  state.ranges.clear();
  apply();
  changed();
  const field = byId('axes-inputs').querySelector('[data-end]');
  if (field && field.offsetParent) field.focus();
});

return {draw, brush, lines: () => lines, onChange: (told) => { changed = told; }};
})();
