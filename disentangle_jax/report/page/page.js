'use strict';
// The wiring of the page: controls, tables, keys, and its address.
(() => {
const {data, byId, runs, state, node, make, mark, describe, places} = page;
document.documentElement.classList.add('js');
const start = {score: state.score, split: state.split};
const drawable = data.scores.length > 0 && runs.label.length > 0;

// ------------------------------------------------------------- the controls
const offered = (i) => state.all || !data.scores[i].double;

// Fills both lists of scores with what is offered.
function fillScores() {
  if (!offered(state.score)) {
    const name = data.scores[state.score].name;
    const same = data.scores.findIndex((s, i) => offered(i) && s.name === name);
    state.score = same < 0 ? start.score : same;
  }
  const names = [...new Set(data.scores.filter((_, i) => offered(i))
      .map((s) => s.name))];
  const {name} = data.scores[state.score];
  byId('choose-score').replaceChildren(...names.map((one) =>
      node('option', {value: one}, one)));
  byId('choose-score').value = name;
  const columns = data.scores.map((_, i) => i).filter((i) => offered(i) &&
      data.scores[i].name === name);
  const codes = byId('choose-representation');
  codes.replaceChildren(...columns.map((i) => node('option', {value: i},
      data.scores[i].representation || 'of observations')));
  codes.value = String(state.score);
  codes.disabled = columns.length < 2;
}

function pickScore(name) {
  const wanted = data.scores[state.score].representation;
  const columns = data.scores.map((_, i) => i).filter((i) => offered(i) &&
      data.scores[i].name === name);
  const same = columns.find((i) => data.scores[i].representation === wanted);
  state.score = same === undefined ? columns[0] : same;
  draw();
}

function fillControls() {
  fillScores();
  byId('choose-dataset').value = String(state.dataset);
  byId('choose-split').value = state.split;
  byId('choose-all').checked = state.all;
  byId('choose-methods').querySelectorAll('input').forEach((box, i) => {
    box.checked = state.methods.has(i);
  });
}

function draw() {
  document.documentElement.classList.toggle('all-scores', state.all);
  if (!drawable) return;
  fillControls();
  document.querySelectorAll('.score').forEach((section) =>
      section.classList.toggle('shown',
          Number(section.dataset.score) === state.score));
  document.querySelectorAll('tr[data-cell]').forEach((row) => {
    const cell = data.cells[Number(row.dataset.cell)];
    row.hidden = cell.dataset !== state.dataset ||
        !state.methods.has(cell.method);
  });
  axes.draw();  // first, for its ranges dim the marks of the others
  plots.draw();
  shown.refresh();
  document.querySelectorAll('tbody').forEach((body) => {
    const rows = [...body.querySelectorAll('tr[data-cell]')].filter(
        (row) => !row.hidden);
    rows.forEach((row, i) => { row.tabIndex = i ? -1 : 0; });
  });
  write();
}

if (drawable) {
  byId('choose-score').addEventListener('change', (event) =>
      pickScore(event.target.value));
  byId('choose-representation').addEventListener('change', (event) => {
    state.score = Number(event.target.value); draw();
  });
  data.datasets.forEach((name, i) => byId('choose-dataset').append(
      node('option', {value: i}, name)));
  byId('dataset-label').hidden = data.datasets.length < 2;
  byId('choose-dataset').addEventListener('change', (event) => {
    state.dataset = Number(event.target.value); draw();
  });
  data.methods.forEach((name, i) => {
    const box = node('input', {type: 'checkbox'});
    box.addEventListener('change', () => {
      if (box.checked) state.methods.add(i); else state.methods.delete(i);
      draw();
    });
    const spot = make('svg', {viewBox: '-7 -7 14 14', width: 14, height: 14,
      'aria-hidden': 'true'});
    mark(spot, i, 0, 0, 4.5, {});
    byId('choose-methods').append(node('label', {class: 'chip'}, box, spot,
        node('span', {}, name)));
  });
  byId('choose-split').addEventListener('change', (event) => {
    state.split = event.target.value; draw();
  });
  byId('all-label').hidden = !data.scores.some((s) => s.double);
  byId('choose-all').addEventListener('change', (event) => {
    state.all = event.target.checked;
    draw();
    drawer.render();
  });
  byId('charts').hidden = false;
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

// -------------------------------------------------------------- the address
// What differs from the page as it opens; a link to it shows the same.
function write() {
  const score = data.scores[state.score];
  const moved = drawable && state.score !== start.score;
  const hash = link.write({
    score: moved ? score.name : '',
    codes: moved ? score.representation : '',
    data: state.dataset ? data.datasets[state.dataset] : '',
    by: state.split === start.split ? '' : state.split,
    off: data.methods.filter((_, i) => !state.methods.has(i)),
    all: state.all ? '1' : '',
    range: [...state.ranges].map(([name, range]) => [name, ...range]),
    run: state.run || '',
    pin: state.pins,
  });
  if (hash === location.hash) return;
  // An anchor of a section stays until something is chosen.
  if (!hash && location.hash && !location.hash.includes('=')) return;
  try {
    history.replaceState(null, '', hash || location.pathname + location.search);
  } catch (error) { /* inside a notebook a page has no address of its own */ }
}

function read() {
  const chosen = link.read(location.hash);
  const one = (key) => key in chosen ? chosen[key][0][0] : '';
  const many = (key) => (chosen[key] || []).map((item) => item[0]);
  const name = one('score'), codes = one('codes');
  const at = data.scores.findIndex((s) => s.name === name &&
      s.representation === codes);
  state.score = at < 0 ? start.score : at;
  state.all = one('all') === '1' ||
      (at >= 0 && Boolean(data.scores[at].double));
  state.dataset = Math.max(0, data.datasets.indexOf(one('data')));
  state.split = ['cells', 'methods'].find((by) => by === one('by')) ||
      start.split;
  const off = new Set(many('off'));
  state.methods = new Set(data.methods.map((_, i) => i).filter((i) =>
      !off.has(data.methods[i])));
  state.ranges = new Map((chosen.range || []).filter((r) => r.length === 3)
      .map(([axis, low, high]) => [axis, [low, high]]));
  state.run = places.has(one('run')) ? one('run') : null;
  state.pins = many('pin').filter((id) => places.has(id)).slice(0, 2);
  draw();
  drawer.render();
}

drawer.onChange(write);
axes.onChange(write);
window.addEventListener('hashchange', () => {
  if (location.hash.includes('=') || !location.hash) read();
});
document.querySelectorAll('table.sortable').forEach(sortable);
read();

// While the study runs the file is written again: read it again, as it is
// left, when nobody is at work in it.
const wait = Number(document.body.dataset.refresh);
if (wait) {
  const idle = 4000;  // ms without a key or a click
  let touched = -idle;
  for (const kind of ['keydown', 'pointerdown', 'pointerup']) {
    document.addEventListener(kind, () => { touched = performance.now(); });
  }
  const again = () => {
    const left = touched + idle - performance.now();
    if (left > 0) setTimeout(again, left); else location.reload();
  };
  setTimeout(again, 1000 * wait);
}

// ----------------------------------------------------------- tables and keys
function sortable(table) {
  table.querySelectorAll('thead th').forEach((head, column) => {
    const button = node('button', {type: 'button'}, head.textContent);
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

// The best run of a setting by the chosen score.
function bestOf(c) {
  const score = data.scores[state.score];
  const sign = score && score.direction === 'lower' ? -1 : 1;
  const mine = runs.cell.map((_, r) => r).filter((r) => runs.cell[r] === c);
  return charts.best(mine, score ? score.values : [], sign);
}

// Shows what a mark, a row or a button stands for; false for other nodes.
function show(target) {
  const at = target.closest ? target.closest(
      '[data-run], [data-show-run], tr[data-cell]') : null;
  if (!at) return false;
  let of = data, r;
  if (at.dataset.run !== undefined) r = Number(at.dataset.run);
  else if (at.dataset.showRun !== undefined) {
    r = Number(at.dataset.showRun);
    if (at.dataset.phase !== undefined) {
      of = data.earlier[Number(at.dataset.phase)];
    }
  } else r = bestOf(Number(at.dataset.cell));
  if (r === null) return false;
  drawer.open(of.runs.id[r], at);
  return true;
}

document.addEventListener('click', (event) => show(event.target));
document.addEventListener('keydown', (event) => {
  const at = event.target.closest ?
      event.target.closest('[data-run], tr[data-cell]') : null;
  if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Enter' || event.key === ' ') {
    if (event.target === at && show(at)) event.preventDefault();
    return;
  }
  const inside = at.closest('svg, tbody');
  const marks = [...inside.querySelectorAll('[data-run], tr[data-cell]')]
      .filter((one) => !one.hidden);
  const next = charts.step(event.key, marks.indexOf(at),
      marks.map((one) => one.dataset.group || ''));
  if (next === null) return;
  event.preventDefault();
  at.setAttribute('tabindex', -1);
  marks[next].setAttribute('tabindex', 0);
  marks[next].focus();
});

document.querySelectorAll('.pictures img').forEach((image) =>
    image.addEventListener('click', () =>
      image.closest('figure').classList.toggle('large')));

const tip = byId('tip');
function point(target, x, y) {
  const on = target.dataset && target.dataset.run !== undefined;
  tip.style.display = on ? 'block' : 'none';
  if (!on) return;
  tip.textContent = describe(Number(target.dataset.run));
  tip.style.left = `${Math.max(0, Math.min(x + 12, window.innerWidth - 200))}px`;
  tip.style.top = `${y + 14}px`;
}
document.addEventListener('pointermove', (event) =>
    point(event.target, event.clientX, event.clientY));
document.addEventListener('focusout', () => { tip.style.display = 'none'; });
document.addEventListener('focusin', (event) => {
  if (!event.target.matches(':focus-visible')) return;
  const box = event.target.getBoundingClientRect();
  point(event.target, box.left + box.width / 2, box.top + box.height / 2);
});
})();
