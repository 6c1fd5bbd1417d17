'use strict';
// What is saved of a chart: pure functions of names, numbers and markup. They
// know nothing of the page, so that node can test them.
const files = (() => {
  const LETTER = 7.4;  // pixels of a letter of a legend, on average
  const LEAD = 34;  // before it: a line and a mark
  const LINE = 18;
  // Most pixels of a canvas, along a side and in all, in any browser.
  const SIDE = 16000, AREA = 6e7;

  // Rows of values as CSV (RFC 4180); what is no number stays empty.
  function csv(heads, rows) {
    const cell = (value) => {
      if (value === null || value === undefined) return '';
      if (typeof value === 'number') return isFinite(value) ? `${value}` : '';
      const text = String(value);
      return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
    };
    return [heads, ...rows].map((row) => `${row.map(cell).join(',')}\n`)
        .join('');
  }

  // The name of a file: 'mig_binned (mean)' becomes 'mig_binned_mean'.
  const stem = (name) => name.replace(/[^\w.-]+/g, '_').replace(/_{2,}/g, '_')
      .replace(/^_|_$/g, '') || 'chart';

  // Names of the page's variables that a markup uses: '--ink'.
  const variables = (markup) => [...new Set([...markup.matchAll(
      /var\((--[\w-]+)/g)].map((found) => found[1]))];

  // The markup with variables replaced by what they stand for.
  const inked = (markup, inks) => markup.replace(
      /var\((--[\w-]+)\s*(?:,[^()]*)?\)/g, (whole, name) =>
        inks[name] === undefined ? whole : inks[name].trim());

  // A colour as browsers compute it, 'rgba(1, 2, 3, 0.5)': what all readers of
  // SVG know, ['#010203', 0.5]; [null, 1] for none.
  function paint(computed) {
    const found = /^rgba?\(([^)]*)\)$/.exec(computed);
    if (!found) return [computed === 'none' ? null : computed, 1];
    const [red, green, blue, alpha = 1] = found[1].split(/[\s,/]+/)
        .filter((part) => part).map(Number);
    const hex = [red, green, blue].map((v) =>
        Math.round(v).toString(16).padStart(2, '0')).join('');
    return alpha === 0 ? [null, 1] : [`#${hex}`, alpha];
  }

  const bare = (length) => String(length).replace(/px/g, '');

  // The look of a shape or a text, from its computed style, as attributes of
  // SVG; what is so by itself is left out.
  function look(style, isText) {
    const out = {};
    const [fill, through] = paint(style.fill);
    if (fill !== '#000000') out.fill = fill || 'none';
    const dense = through * Number(style.fillOpacity);
    if (fill && dense !== 1) out['fill-opacity'] = Number(dense.toFixed(3));
    const [stroke, seen] = paint(style.stroke);
    if (stroke) {
      out.stroke = stroke;
      out['stroke-width'] = bare(style.strokeWidth);
      const solid = seen * Number(style.strokeOpacity);
      if (solid !== 1) out['stroke-opacity'] = Number(solid.toFixed(3));
      if (style.strokeDasharray !== 'none') {
        out['stroke-dasharray'] = bare(style.strokeDasharray);
      }
    }
    if (isText) {
      out['font-size'] = bare(style.fontSize);
      if (Number(style.fontWeight) > 400) out['font-weight'] = 'bold';
      if (style.textAnchor !== 'start') out['text-anchor'] = style.textAnchor;
    }
    return out;
  }

  // Where the entries of a legend stand, [x, y] of each from the top left, and
  // how wide and high they are together; one that is wider has its own line.
  function legend(names, width) {
    let x = 0, y = 0, most = 0;
    const places = names.map((name) => {
      const room = LEAD + LETTER * name.length + 14;
      if (x && x + room > width) { x = 0; y += LINE; }
      const place = [x, y];
      x += room;
      most = Math.max(most, x);
      return place;
    });
    return {places, width: most, height: names.length ? y + LINE : 0};
  }

  // Boxes {left, top, width, height} of the window, moved to the top left:
  // their places and the size of all.
  function arranged(boxes) {
    const left = Math.min(...boxes.map((box) => box.left));
    const top = Math.min(...boxes.map((box) => box.top));
    return {
      places: boxes.map((box) => [box.left - left, box.top - top]),
      width: Math.max(...boxes.map((box) => box.left - left + box.width)),
      height: Math.max(...boxes.map((box) => box.top - top + box.height)),
    };
  }

  // Pixels of a picture per pixel of the chart: as many as asked for, or as a
  // canvas can hold.
  const scale = (width, height, wanted) => Math.min(wanted,
      SIDE / Math.max(width, height), Math.sqrt(AREA / (width * height)));

  return {csv, stem, variables, inked, paint, look, legend, arranged, scale,
    LEAD};
})();
if (typeof module !== 'undefined') module.exports = files;
