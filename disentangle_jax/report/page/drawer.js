'use strict';
// The drawer: one run against its setting, or up to three side by side.
const drawer = (() => {
const {finite, text} = charts;
const {data, byId, state, places, node, make, mark, runTitle} = page;
const {DASHES, SIGNS, others, inkOf} = curves;
const TIMED = 'seconds of training';  // told, but no setting
let opener = null;  // what had the focus before, as a place that redraws keep
let changed = () => {};  // told when what is chosen changes

// ------------------------------------------------------------- what is said
function copyButton(content, label) {
  const button = node('button', {type: 'button', class: 'copy small',
    'aria-label': `copy ${label}`}, 'copy');
  button.addEventListener('click', () => {
    const done = (well) => {
      button.textContent = well ? 'copied' : 'select it by hand';
      byId('drawer-said').textContent = well ? `${label} copied` :
          'the browser does not let a page copy';
      setTimeout(() => { button.textContent = 'copy'; }, 2000);
    };
    const old = () => {
      // Browsers without that interface for files still have this one.
      const area = node('textarea', {class: 'aside'});
      area.value = content;
      byId('drawer').append(area);
      area.select();
      const well = document.execCommand('copy');
      area.remove();
      button.focus();
      done(well);
    };
    if (!navigator.clipboard) old();
    else navigator.clipboard.writeText(content).then(() => done(true), old);
  });
  return button;
}

// Nested settings as dotted name -> JSON text.
function flat(value, name = '') {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return {[name]: JSON.stringify(value)};
  }
  return Object.assign({}, ...Object.entries(value).map(([key, part]) =>
      flat(part, name ? `${name}.${key}` : key)));
}

function settings({of, r}) {
  const runs = of.runs;
  const written = of.hparams[runs.hparams[r]];
  let fields;
  try { fields = flat(JSON.parse(written)); }
  catch (error) { fields = {settings: written}; }  // as it was stored
  const seconds = runs.seconds[r];
  return {setting: of.cells[runs.cell[r]].label, ...fields,
    ...of.apart[runs.apart[r]],
    'scored at step': runs.step[r].toLocaleString('en'),
    [TIMED]: finite(seconds) ? text(seconds) : '\u2013',
    status: runs.status[r] === 'ok' ? 'finished' : 'diverged, no scores'};
}

// Rows of a table; a row that differs is set apart by a sign and by its look.
function table(heads, rows, label) {
  const line = (cells, differs) => {
    const row = node('tr', differs ? {class: 'differs'} : {});
    cells.forEach((cell, i) => row.append(node(i ? 'td' : 'th',
        i ? {} : {scope: 'row'}, cell)));
    if (differs) row.firstChild.append(node('span',
        {class: 'sign', title: 'differs'}, ' \u2260'));
    return row;
  };
  const head = node('tr', {}, ...heads.map((h) => node('th', {scope: 'col'},
      h)));
  return node('div', {class: 'scroll'}, node('table', {'aria-label': label},
      node('thead', {}, head),
      node('tbody', {}, ...rows.map(([cells, differs]) =>
          line(cells, differs)))));
}

// Rows that differ first; of those set aside, no others.
const ordered = (rows, aside) => rows
    .filter(([[name], differs]) => differs || !aside.has(name))
    .sort((x, y) => y[1] - x[1]);

function settingsOf(columns) {
  const fields = columns.map(settings);
  const names = [...new Set(fields.flatMap(Object.keys))];
  const value = (of, name) => of[name] === undefined ? '\u2013' : of[name];
  // What other runs of the page differ in is worth a row where these do.
  const aside = new Set(columns.flatMap(({of, r}) =>
      Object.keys(of.apart[of.runs.apart[r]])));
  if (columns.length > 1) {
    const rows = names.map((name) => {
      const values = fields.map((of) => value(of, name));
      return [[name, ...values], name !== TIMED && new Set(values).size > 1];
    });
    return [table(['', ...SIGNS.slice(0, columns.length)],
        ordered(rows, aside), 'settings side by side')];
  }
  const rest = others(columns[0]).map((r) =>
      settings({of: columns[0].of, r}));
  const rows = names.map((name) => {
    const mine = value(fields[0], name);
    const theirs = [...new Set(rest.map((of) => value(of, name)))];
    const differs = name !== TIMED && theirs.some((v) => v !== mine);
    let said = theirs.length > 3 ? `${theirs.length} values` :
        theirs.join(', ');
    if (name === TIMED && rest.length) {
      const all = rest.map((of) => Number(of[TIMED])).filter(finite);
      said = all.length ? `${text(Math.min(...all))} to ` +
          `${text(Math.max(...all))}` : '\u2013';
    }
    return [[name, mine, said], differs];
  });
  const different = rows.filter(([, differs]) => differs)
      .map(([[name]]) => name);
  const runs = rest.length === 1 ? 'other run' : `${rest.length} other runs`;
  let said = 'No other run of this setting is there.';
  if (rest.length) {
    said = different.length ?
        `Differs from the setting's ${runs} in ${different.join(', ')}.` :
        `Differs from the setting's ${runs} in nothing but the seed.`;
  }
  return [node('p', {id: 'drawer-differs'}, said),
    table(['', 'this run', 'the others'],
        ordered(rows, aside), 'settings')];
}

// The column with the best value of a score, null where none is better.
function bestOf(label, values) {
  const score = data.scores.find((s) => s.label === label);
  if (!score || score.direction === 'none' || !values.every(finite) ||
      new Set(values).size < 2) return null;
  return charts.best(values.map((_, i) => i), values,
      score.direction === 'lower' ? -1 : 1);
}

function scoresOf(columns) {
  const of = columns[0].of;
  const same = columns.every((column) => column.of === of);
  const labels = [...new Set(columns.flatMap((column) => column.of.scores
      .filter((s) => state.all || !s.double).map((s) => s.label)))];
  const rows = labels.map((label) => {
    const values = columns.map((column) => {
      const score = column.of.scores.find((s) => s.label === label);
      return score ? score.values[column.r] : null;
    });
    const cells = [label, ...values.map(text)];
    if (columns.length > 1) {
      const best = bestOf(label, values);
      if (best !== null) cells[best + 1] = node('b', {title: 'better'},
          cells[best + 1], ' \u25b2');
      if (columns.length === 2) {
        const both = finite(values[0]) && finite(values[1]);
        cells.push(both ? text(values[1] - values[0]) : '\u2013');
      }
      return [cells, false];
    }
    const score = of.scores.find((s) => s.label === label);
    const all = [columns[0].r, ...others(columns[0])].map(
        (r) => score.values[r]).filter(finite);
    const mean = all.reduce((sum, v) => sum + v, 0) / all.length;
    cells.push(all.length ? text(mean) : '\u2013', all.length ?
        `${text(Math.min(...all))} to ${text(Math.max(...all))}` : '\u2013');
    return [cells, false];
  });
  const heads = columns.length > 1 ?
      ['', ...SIGNS.slice(0, columns.length)] :
      ['', 'this run', "setting's mean", 'its range'];
  if (columns.length === 2) heads.push('B \u2212 A');
  const cells = new Set(columns.map((column) => column.of.runs.cell[column.r]));
  const note = same && columns.length > 1 && cells.size === 1 ?
      [node('p', {class: 'soft small'}, 'They are of one setting.')] : [];
  return [...note, table(heads, rows, 'scores')];
}

function picturesOf(columns) {
  return columns.map(({of, r}, i) => {
    const host = node('div', {class: 'sheets'});
    if (columns.length > 1) host.append(node('h5', {}, SIGNS[i]));
    const inside = of === data &&
        document.querySelector(`.pictures [data-sheets="${r}"]`);
    if (inside) host.append(inside.cloneNode(true));
    else if (of.pictures[r]) {
      const sheets = node('div');
      sheets.innerHTML = of.pictures[r];  // the writer escaped names in it
      host.append(sheets);
    } else {
      host.append(node('p', {class: 'soft'},
          'This page holds no pictures of this run. To draw them:'),
          command('draw it', commandsOf({of, r})[1][1]));
    }
    return host;
  });
}

function command(label, content) {
  return node('div', {class: 'command'},
      node('pre', {class: 'wrap', title: label}, content),
      copyButton(content, label));
}

function commandsOf({of, r}) {
  const number = of.runs.number[r], id = of.runs.id[r];
  const typed = data.commands[of.runs.workdir[r]];
  return [
    ['train it again', `${typed.train} --config.only=${number}`],
    ['draw its traversals', `${typed.traverse} --run=${id}`],
    ['draw its sheets', `${typed.report} --run=${id}`],
    ['load it in Python', `import disentangle_jax as dj\n` +
        `run = ${typed.load}'${id}')`],
  ];
}

// ------------------------------------------------------------------ showing
const columnsShown = () => [...new Set([...state.pins, state.run])]
    .filter((id) => id !== null && places.has(id))
    .map((id) => ({id, ...places.get(id)}));

function head(columns, {id, of, r}, i) {
  const pinned = state.pins.includes(id);
  const pin = node('button', {type: 'button', class: 'pin small',
    'aria-pressed': String(pinned), 'data-pin': id},
    pinned ? 'unpin' : 'pin');
  pin.addEventListener('click', () => togglePin(id));
  const swatch = make('svg', {viewBox: '0 0 40 14', width: 40, height: 14,
    'aria-hidden': 'true'});
  make('line', {x1: 1, x2: 39, y1: 7, y2: 7, stroke: inkOf(columns, i),
    'stroke-width': 2, 'stroke-dasharray': DASHES[i]}, swatch);
  if (of === data) mark(swatch, data.cells[of.runs.cell[r]].method, 20, 7, 4.5,
      {});
  // The title says it of a run alone.
  const named = columns.length > 1 ? `${SIGNS[i]}: ${runTitle(r, of)}` : '';
  return node('div', {class: 'of-run'}, swatch,
      node('span', {class: 'named'}, named), pin,
      node('span', {class: 'small'}, 'run_id ', node('code', {}, id)),
      copyButton(id, 'run_id'));
}

function render() {
  const columns = columnsShown();
  const host = byId('drawer');
  // Marks of the runs that it shows, or would.
  document.querySelectorAll('[data-run]').forEach((m) => m.classList.toggle(
      'chosen', columns.some(({of, r}) =>
          of === data && Number(m.dataset.run) === r)));
  host.hidden = state.run === null;
  document.documentElement.classList.toggle('open', !host.hidden);
  if (host.hidden) return;
  host.classList.toggle('several', columns.length > 1);
  byId('drawer-title').textContent = columns.length > 1 ?
      `${columns.length} runs side by side` : runTitle(
          columns[0].r, columns[0].of);
  const part = (title, nodes, name) => node('section', {class: name},
      node('h4', {}, title), ...nodes);
  byId('drawer-body').replaceChildren(
      node('div', {class: 'heads'}, ...columns.map((column, i) =>
          head(columns, column, i))),
      node('p', {class: 'soft small'}, state.pins.length < 2 ?
          'Pin a run to keep it here beside the next one that you open.' :
          'Two runs are pinned; a third pin replaces the first.'),
      part('Training', curves.of(columns), 'curves'),
      part('Settings', settingsOf(columns), 'settings'),
      part('Scores', scoresOf(columns), 'scores-of'),
      part('Pictures', [node('div', {class: 'beside'},
          ...picturesOf(columns))], 'drawn'),
      part('Commands', columns.flatMap((column, i) => [
        ...(columns.length > 1 ? [node('h5', {}, SIGNS[i])] : []),
        ...commandsOf(column).map(([label, content]) => node('div', {},
            node('p', {class: 'soft small'}, label),
            command(label, content)))]), 'commands'));
}

function togglePin(id) {
  state.pins = state.pins.includes(id) ? state.pins.filter((p) => p !== id) :
      [...state.pins, id].slice(-2);
  render();
  const again = [...document.querySelectorAll('[data-pin]')].find(
      (button) => button.dataset.pin === id);
  if (again) again.focus();
  changed();
}

// Where a node is found again after its chart was drawn anew.
function placeOf(element) {
  if (!element || !element.dataset) return () => null;
  const r = element.dataset.run;
  const host = element.closest('[id]');
  if (r === undefined || !host) return () => element;
  return () => [...byId(host.id).querySelectorAll('[data-run]')].find(
      (m) => m.dataset.run === r) || null;
}

function open(id, from = null) {
  state.run = id;
  if (from) opener = placeOf(from);
  render();
  byId('drawer').scrollTop = 0;
  byId('drawer').focus({preventScroll: true});
  changed();
}

function close() {
  const {r} = places.get(state.run);
  state.run = null;  // what is pinned stays so
  render();
  // A run that a link has opened has a mark all the same.
  const back = opener ? opener() :
      document.querySelector(`#violins [data-run="${r}"]`);
  opener = null;
  if (back) back.focus({preventScroll: true});
  changed();
}

byId('drawer-close').addEventListener('click', close);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !byId('drawer').hidden) close();
});

return {open, close, render, onChange: (told) => { changed = told; }};
})();
