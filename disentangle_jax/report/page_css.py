"""The look of the page, light and dark, from a phone to print."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fbfbfd; --card: #ffffff; --ink: #1b1b1f; --soft: #5b5b66;
  --line: #d7d7de; --mark: #eef3fa; --link: #005a94; --warn: #fff5df;
  --changed: #ffe3a8;
  --m0: #0072b2; --m1: #e69f00; --m2: #009e73; --m3: #cc79a7; --m4: #d55e00;
  --m5: #56b4e9; --m6: #7a6fb0; --m7: #8a8a52;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #121317; --card: #1b1d23; --ink: #e8e8ee; --soft: #a3a4b2;
    --line: #3a3d47; --mark: #24303f; --link: #7cc0f5; --warn: #3a3118;
    --changed: #6b4e12;
    --m0: #4aa8e0; --m1: #f0b23a; --m2: #35c49c; --m3: #e59bc6; --m4: #f08a48;
    --m5: #94d3f7; --m6: #aca2e6; --m7: #bdbd82;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scroll-padding-top: 5rem; }
body {
  margin: 0 auto; padding: 1.2rem 1rem 4rem; max-width: 68rem;
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans',
    sans-serif;
  background: var(--paper); color: var(--ink);
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: .2rem 0; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1.02rem; margin: 1.2rem 0 .4rem; }
p { margin: .4rem 0; max-width: 48rem; }
a { color: var(--link); }
.soft { color: var(--soft); }
.small { font-size: .86rem; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .9rem 1rem; margin: .8rem 0;
}
.headline { font-size: 1.08rem; border-left: 5px solid var(--m0); }
.headline p { max-width: none; }
.notes { background: var(--warn); }
.notes ul { margin: .3rem 0; padding-left: 1.2rem; }
dl.facts {
  display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem;
  margin: .4rem 0;
}
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
code, pre {
  font: .86em/1.45 ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono',
    monospace;
}
pre {
  margin: .4rem 0; padding: .6rem .8rem; overflow-x: auto; border-radius: 8px;
  background: var(--paper); border: 1px solid var(--line); max-height: 26rem;
}
pre.wrap { white-space: pre-wrap; }
nav.controls { margin-bottom: .8rem;
  position: sticky; top: 0; z-index: 5; display: flex; flex-wrap: wrap;
  gap: .5rem 1rem; align-items: center; padding: .55rem .8rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
}
nav.controls label { display: inline-flex; gap: .4rem; align-items: center; }
select, button {
  font: inherit; color: inherit; background: var(--paper); max-width: 100%;
  border: 1px solid var(--line); border-radius: 7px; padding: .2rem .5rem;
}
button { cursor: pointer; }
select:focus-visible, button:focus-visible, input:focus-visible,
a:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem .8rem; }
.chip i {
  width: .8rem; height: .8rem; border-radius: 50%; display: inline-block;
}
.charts { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); }
.charts .card { margin: 0; min-width: 0; }
.charts .wide { grid-column: 1 / -1; }
.charts h3 { margin-top: 0; display: flex; flex-wrap: wrap; gap: .5rem;
  align-items: baseline; justify-content: space-between; }
.panels { display: grid; gap: .6rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.panels > div { min-width: 0; }
.scroll { overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; }
svg.figure { width: 100%; }
.plot text { fill: var(--ink);
  font: 12px system-ui, 'DejaVu Sans', sans-serif; }
.plot .tick { fill: var(--soft); font-size: 11px; }
.plot .grid { stroke: var(--line); stroke-width: 1; }
.plot .axis { stroke: var(--soft); stroke-width: 1; }
.plot .dot { cursor: pointer; }
.plot .dot:hover, .plot .dot.chosen {
  stroke: var(--ink); stroke-width: 2; fill-opacity: 1;
}
#tip {
  position: fixed; z-index: 9; pointer-events: none; display: none;
  background: var(--ink); color: var(--paper); font-size: .8rem;
  padding: .25rem .5rem; border-radius: 6px; max-width: 18rem;
}
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .28rem .55rem; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th.number, td.number { text-align: right; }
th { background: var(--card); }
th button { border: 0; background: none; padding: 0; font-weight: 600; }
th[aria-sort] button::after { content: ' \\2195'; color: var(--soft); }
th[aria-sort=ascending] button::after { content: ' \\2191'; }
th[aria-sort=descending] button::after { content: ' \\2193'; }
tr.best td { background: var(--mark); }
tbody tr[data-cell] { cursor: pointer; }
tbody tr[data-cell]:hover td { background: var(--mark); }
.js .score:not(.shown) { display: none; }
.pictures { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
.pictures figure { margin: 0; min-width: 0; }
figure { margin: .4rem 0; }
figcaption { font-size: .88rem; margin-bottom: .3rem; }
.sheet { display: flex; gap: .4rem; }
.sheet ol {
  list-style: none; margin: 0; padding: 0; display: grid; grid-auto-rows: 1fr;
  font-size: .7rem; line-height: 1.15; flex: none; width: 3.9rem;
}
.sheet li { display: flex; flex-direction: column; justify-content: center;
  border-top: 1px solid transparent; overflow: hidden; }
.sheet li span { color: var(--soft); white-space: nowrap; }
.sheet img { flex: 1; min-width: 0; }
img { max-width: 100%; height: auto; display: block; }
.pictures img { cursor: zoom-in; }
.pictures .large { grid-column: 1 / -1; }
.pictures .large img { cursor: zoom-out; image-rendering: pixelated; }
.pictures h4, #run h4 { margin: .8rem 0 .3rem; font-size: .92rem; }
.words { overflow: auto; max-height: 26rem; margin: .4rem 0;
  border: 1px solid var(--line); border-radius: 8px; }
.words table { font-size: .82rem; }
.words td { border: 0; padding: .1rem .5rem; vertical-align: top; }
.words td:last-child { white-space: normal; width: 100%; }
.words tr.begins td { border-top: 1px solid var(--line); }
mark { background: var(--changed); color: inherit; border-radius: 3px;
  padding: 0 .15em; }
.runs { white-space: normal; min-width: 12rem; }
.runs button { font-size: .8rem; padding: 0 .35rem; margin: .1rem; }
.figures { display: grid; gap: .8rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); }
.figures figure { margin: 0; min-width: 0; }
.figures h3 { margin-top: 0; }
.sheet + .sheet { margin-top: .5rem; }
.downloads { display: flex; gap: 1rem; flex-wrap: wrap; margin: .4rem 0; }
#run[hidden] { display: none; }
#run header { display: flex; justify-content: space-between; gap: 1rem; }
#run .columns { display: grid; gap: 0 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
details summary { cursor: pointer; }
@media (max-width: 40rem) {
  body { padding: .8rem .6rem 3rem; font-size: 15px; }
  nav.controls { position: static; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .4rem; }
  th, td { padding: .25rem .4rem; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; }
  body { max-width: none; font-size: 10.5pt; }
  nav.controls, .downloads, #run, th button::after { display: none !important; }
  .card, figure, table { break-inside: avoid; }
}
"""
