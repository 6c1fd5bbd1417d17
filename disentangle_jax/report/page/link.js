'use strict';
// What is chosen on the page, as the end of its address, and back. It knows
// nothing of the page, so that node can test it.
const link = (() => {
  // What may stand in an address without harm to be read by people; '~', ','
  // and '&' part things here, so that they are written in per cent in names.
  const plain = (value) => encodeURIComponent(value)
      .replace(/~/g, '%7E').replace(/%20/g, '+').replace(/%3D/g, '=');

  function word(coded) {
    try { return decodeURIComponent(coded.replace(/\+/g, ' ')); }
    catch (error) { return ''; }  // no address of ours
  }

  // Values are texts, lists of texts, or lists of lists of texts; what is
  // empty is left out. {a: 'x', b: ['1', '2']} becomes '#a=x&b=1,2'.
  function write(chosen) {
    const parts = Object.entries(chosen).map(([key, value]) => {
      const items = Array.isArray(value) ? value : [value];
      return [key, items.map((item) => Array.isArray(item) ?
          item.map(plain).join('~') : plain(item)).join(',')];
    });
    const text = parts.filter(([, value]) => value !== '')
        .map(([key, value]) => `${key}=${value}`).join('&');
    return text && `#${text}`;
  }

  // The opposite: every value is a list of lists; {} for what is no such text.
  function read(hash) {
    const chosen = {};
    for (const part of hash.replace(/^#/, '').split('&')) {
      const at = part.indexOf('=');
      if (at < 1) continue;
      chosen[part.slice(0, at)] = part.slice(at + 1).split(',').map(
          (item) => item.split('~').map(word));
    }
    return chosen;
  }

  return {write, read};
})();
if (typeof module !== 'undefined') module.exports = link;
