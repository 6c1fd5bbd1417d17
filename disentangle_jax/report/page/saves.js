'use strict';
// Buttons that save a chart: as SVG and PNG that look the same outside the
// page, in light colours, and the numbers that it draws as CSV. Files are made
// here; nothing is asked for.
const saves = (() => {
const {byId, node, make} = page;
const FONT = "'DejaVu Sans', Verdana, Arial, sans-serif";
const SHAPES = 'path, line, rect, circle, polygon, polyline, text';
const KEPT = 60000;  // ms that a browser may take to ask for a name
const FINE = 3;  // pixels of a PNG per pixel of the page
const LEFT = 6;  // pixels around
// Attributes of the page alone, and those that a look replaces.
const PAGES = /^(class|style|role|tabindex|pointer-events)$|^(aria|data|fill|stroke)/;
const SPACE = 'http://www.w3.org/2000/svg';

// ------------------------------------------------------------------ pictures
// What is inside has the light look, whatever the reader prefers.
function inLight(work) {
  const root = document.documentElement;
  root.classList.add('light');
  try { return work(); } finally { root.classList.remove('light'); }
}

function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
}

// A chart of the page's script as a group with its looks written into it.
function detached(svg) {
  const copy = svg.cloneNode(true);
  const own = svg.querySelectorAll('*'), copies = copy.querySelectorAll('*');
  own.forEach((element, i) => {
    const twin = copies[i];
    // What is there for the mouse alone.
    if (element.matches('.brush')) { twin.remove(); return; }
    if (!element.matches(SHAPES)) return;
    const isText = element.tagName === 'text';
    const look = files.look(getComputedStyle(element), isText);
    for (const {name} of [...twin.attributes]) {
      if (PAGES.test(name)) twin.removeAttribute(name);
    }
    if (!isText || !look.stroke) { set(twin, look); return; }
    // Not every reader knows that a text's outline may lie below it.
    const below = twin.cloneNode(true);
    set(below, {...look, fill: 'none'});
    twin.before(below);
    const {fill, ...rest} = look;
    set(twin, {fill, ...Object.fromEntries(Object.entries(rest).filter(
        ([key]) => !key.startsWith('stroke')))});
  });
  const group = make('g', {});
  group.append(...copy.childNodes);
  return group;
}

// Charts of a host side by side as they stand there, below a title and what
// their marks mean.
function composed(svgs, title, entries) {
  const at = files.arranged(svgs.map((svg) => {
    const box = svg.getBoundingClientRect();
    return {left: box.left, top: box.top, width: box.width, height: box.height};
  }));
  const told = files.legend(entries.map((e) => e.name), at.width);
  const head = 24 + told.height;
  const size = {width: Math.ceil(Math.max(at.width, told.width) + 2 * LEFT),
    height: Math.ceil(head + at.height + LEFT)};
  const out = make('svg', {xmlns: SPACE, ...size, 'font-family': FONT,
    viewBox: `0 0 ${size.width} ${size.height}`});
  make('title', {text: title}, out);
  make('rect', {...size, fill: '#ffffff'}, out);
  const ink = 'var(--ink)';
  make('text', {x: LEFT, y: 17, 'font-size': 13, 'font-weight': 'bold',
    fill: ink, text: title}, out);
  entries.forEach((entry, i) => {
    const [x, y] = [told.places[i][0] + LEFT, told.places[i][1] + 34];
    if (entry.line) make('line', {x1: x, x2: x + 28, y1: y, y2: y, ...entry.line},
        out);
    if (entry.mark) make('path', {d: charts.outline(entry.mark, x + 14, y, 4),
      fill: entry.colour}, out);
    make('text', {x: x + files.LEAD, y: y + 4, 'font-size': 12, fill: ink,
      text: entry.name}, out);
  });
  svgs.forEach((svg, i) => {
    const group = detached(svg);
    const [, , width] = svg.getAttribute('viewBox').split(' ').map(Number);
    const shown = svg.getBoundingClientRect().width / width;
    group.setAttribute('transform', `translate(${at.places[i][0] + LEFT} ` +
        `${at.places[i][1] + head}) scale(${Number(shown.toFixed(4))})`);
    out.append(group);
  });
  return {out, ...size};
}

// A figure that was drawn before, on white.
function drawn(svg) {
  const out = svg.cloneNode(true);
  const [, , width, height] = svg.getAttribute('viewBox').split(' ')
      .map(Number);
  for (const name of ['class', 'style', 'role', 'aria-label']) {
    out.removeAttribute(name);
  }
  // As its own file says of lines, whose rule would reach the whole page.
  set(out, {width: `${width}pt`, height: `${height}pt`,
    'stroke-linejoin': 'round', 'stroke-linecap': 'butt'});
  out.prepend(make('rect', {width: '100%', height: '100%', fill: '#ffffff'}));
  return {out, width: width * 4 / 3, height: height * 4 / 3};
}

// The text of a file, and its size in pixels.
function picture(host, title, entries) {
  return inLight(() => {
    const svgs = [...host.querySelectorAll('svg')];
    const {out, width, height} = svgs[0].matches('.figure') ?
        drawn(svgs[0]) : composed(svgs, title, entries);
    const text = new XMLSerializer().serializeToString(out);
    const style = getComputedStyle(document.documentElement);
    const inks = Object.fromEntries(files.variables(text).map(
        (name) => [name, style.getPropertyValue(name)]));
    return {text: files.inked(text, inks), width, height};
  });
}

// --------------------------------------------------------------------- files
function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = node('a', {href: address, download: name, hidden: ''});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), KEPT);
  said(`${name} saved`);
}

const said = (words) => { byId('saved').textContent = words; };

function savePicture({text, width, height}, name) {
  const image = new Image();
  image.onload = () => {
    const by = files.scale(width, height, FINE);
    const canvas = node('canvas', {width: Math.round(width * by),
      height: Math.round(height * by)});
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width,
        canvas.height);
    canvas.toBlob((blob) => blob ? save(blob, name) :
        said(`${name}: the browser cannot draw it`), 'image/png');
  };
  image.onerror = () => said(`${name}: the browser cannot draw it`);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

// Buttons for a chart inside `host`. Of `about`, `title` and `name`, the
// beginning of its files' names, are functions, and so are `table`, [heads,
// rows], and `entries` of its legend where there is one.
function buttons(host, about) {
  const button = (kind, work) => {
    const made = node('button', {type: 'button', 'data-save': kind,
      'aria-label': `save ${about.title()} as ${kind}`}, kind);
    made.addEventListener('click', () => {
      const name = `${files.stem(about.name())}.${kind.toLowerCase()}`;
      work(name);
    });
    return made;
  };
  const drawing = () => picture(host, about.title(),
      about.entries ? about.entries() : []);
  const made = [
    button('SVG', (name) => save(new Blob(
        [`<?xml version="1.0" encoding="utf-8"?>\n${drawing().text}\n`],
        {type: 'image/svg+xml'}), name)),
    button('PNG', (name) => savePicture(drawing(), name)),
  ];
  if (about.table) {
    made.push(button('CSV', (name) => save(new Blob(
        [files.csv(...about.table())], {type: 'text/csv'}), name)));
  }
  return made;
}

// The same as a group of its own.
function group(host, about) {
  return node('div', {class: 'saves small', role: 'group',
    'aria-label': `save ${about.title()}`}, ...buttons(host, about));
}

// Figures of the page, whose CSV is a link that needs no script.
document.querySelectorAll('figure[id] > svg.figure').forEach((svg) => {
  const card = svg.parentElement;
  const about = {name: () => card.id.replace(/^section-/, ''),
    title: () => svg.getAttribute('aria-label') || 'figure'};
  card.querySelector('.saves').prepend(...buttons(card, about));
});

return {group};
})();
