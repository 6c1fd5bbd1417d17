// The charts' pure functions against closed forms: `node --test`.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import test from 'node:test';

const charts = createRequire(import.meta.url)(process.env.CHARTS);
const link = createRequire(import.meta.url)(
    process.env.CHARTS.replace(/charts\.js$/, 'link.js'));
const files = createRequire(import.meta.url)(
    process.env.CHARTS.replace(/charts\.js$/, 'files.js'));
const rules = {decades: 30, zero: 1 / 3, room: 0.06, golden: 0.618034, within: 1.7, without: 0.4};
const near = (got, want, by = 1e-12) =>
    assert.ok(Math.abs(got - want) <= by, `${got} is not ${want}`);

test('numbers are written as tables write them', () => {
  assert.deepEqual(
      [0, 0.31234, 2.3149, 23.149, -0.5, 1e-5, 2e7].map(charts.text),
      ['0', '0.312', '2.31', '23.1', '-0.500', '1.00e-5', '2.00e+7']);
  for (const x of [null, NaN, Infinity]) assert.equal(charts.text(x), '–');
});

test('ticks are round, inside the range, and about as many as wanted', () => {
  assert.deepEqual(charts.ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(charts.ticks(-3, 12, 5), [0, 5, 10]);
  assert.deepEqual(charts.ticks(0.101, 0.149, 5), [0.11, 0.12, 0.13, 0.14]);
  for (let i = 0; i < 200; i++) {
    const low = (i - 100) * 0.37, high = low + 1.7 ** (i % 40 - 20);
    const values = charts.ticks(low, high, 5);
    assert.ok(values.length >= 2 && values.length <= 6, `${low} ${high}`);
    assert.ok(values.every((v) => v >= low - 1e-9 && v <= high + 1e-9));
  }
});

test('an axis reaches 6 % beyond its values', () => {
  assert.deepEqual(charts.extent([1, null, 2, NaN], rules), [0.94, 2.06]);
  assert.deepEqual(charts.extent([], rules), [0, 1]);
  assert.deepEqual(charts.extent([5], rules), [4.5, 5.5]);
  assert.deepEqual(charts.extent([0, 0], rules), [-0.5, 0.5]);
  const x = charts.linear([2, 4], [100, 50]);
  assert.deepEqual([2, 3, 4].map(x), [100, 75, 50]);
});

test('quantiles are linear between order statistics', () => {
  const sorted = [1, 2, 4, 8];
  assert.equal(charts.quantile(sorted, 0), 1);
  assert.equal(charts.quantile(sorted, 0.5), 3);
  assert.equal(charts.quantile(sorted, 0.25), 1.75);
  assert.equal(charts.quantile(sorted, 1), 8);
  assert.equal(charts.quantile([7], 0.3), 7);
});

test('strengths stand where they are told, each once', () => {
  const scale = charts.strengthScale([4, 1, 2, 4], [2, 0, 1, 2], 0, 100);
  assert.deepEqual(scale.unique, [1, 2, 4]);
  near(scale.x(1), 18);
  near(scale.x(2), 50);
  near(scale.x(4), 82);
  assert.equal(charts.strengthScale([3], [3], 0, 100).x(3), 50);
});

test('labels that would touch are left out', () => {
  assert.deepEqual(charts.spaced([0, 10, 25, 26, 60], 26), [0, 3, 4]);
});

test('the front holds exactly the runs that none beats in both', () => {
  let seed = 1;
  const random = () => (seed = seed * 16807 % 2147483647) / 2147483647;
  for (const sign of [1, -1]) {
    const cost = Array.from({length: 60}, () => Math.round(12 * random()));
    const value = Array.from({length: 60}, () => Math.round(12 * random()));
    const front = charts.front(cost, value, sign);
    const beaten = (i) => cost.some((c, j) => c <= cost[i] &&
        sign * value[j] >= sign * value[i] &&
        (c < cost[i] || value[j] !== value[i]));
    const points = (list) => [...new Set(
        list.map((i) => `${cost[i]} ${value[i]}`))].sort();
    assert.deepEqual(points(front),
        points(cost.map((_, i) => i).filter((i) => !beaten(i))));
    assert.ok(front.every((i, k) => k === 0 || cost[front[k - 1]] < cost[i]));
  }
});

test('the run shown of a setting is its best, or the first of none', () => {
  assert.equal(charts.best([4, 5, 6], {4: 1, 5: 3, 6: null}, 1), 5);
  assert.equal(charts.best([4, 5, 6], {4: 1, 5: 3, 6: null}, -1), 4);
  assert.equal(charts.best([4, 5], [], 1), 4);
  assert.equal(charts.best([], [], 1), null);
});

test('rows are in order, and what is missing is last both ways', () => {
  const sorted = (keys, down) =>
      [...keys].sort((x, y) => charts.compare(x, y, down));
  assert.deepEqual(sorted([3, NaN, -1, 2], 1), [-1, 2, 3, NaN]);
  assert.deepEqual(sorted([3, NaN, -1, 2], -1), [3, 2, -1, NaN]);
  assert.deepEqual(sorted(['b', 'a'], 1), ['a', 'b']);
  assert.deepEqual(sorted(['b', 'a'], -1), ['b', 'a']);
});

test('marks of a violin stay inside it', () => {
  const values = Array.from({length: 300}, (_, i) => i % 7);
  const heights = [200, 1000, 400];
  const shifts = charts.shifts(values, heights, rules);
  shifts.forEach((shift, i) => {
    const nearest = heights[Math.floor(values[i] / 6 * 2 + 0.5)];
    assert.ok(Math.abs(shift) <= 0.85 * nearest / 1000);
  });
  assert.ok(Math.max(...shifts) > 0.8 && Math.min(...shifts) < -0.8);
  const loose = charts.shifts(values, null, rules);
  assert.ok(loose.every((shift) => Math.abs(shift) <= 0.2));
  assert.equal(new Set(loose.map((s) => s.toFixed(6))).size, 300);
});

test('a mark is its outline around a point, upside up', () => {
  assert.equal(charts.outline([[0, 1], [1, -1], [-1, -1]], 10, 20, 2),
      'M10.00 18.00L12.00 22.00L8.00 22.00z');
  assert.equal(charts.outline([], 10, 20, 2),
      'M8 20a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z');
});

test('keys walk over every mark of a chart, group by group', () => {
  const groups = ['a', 'a', 'a', 'b', 'c', 'c'];
  const walk = (key, at) => charts.step(key, at, groups);
  assert.deepEqual(groups.map((_, i) => walk('ArrowDown', i)),
      [1, 2, 3, 4, 5, 5]);
  assert.deepEqual(groups.map((_, i) => walk('ArrowUp', i)),
      [0, 0, 1, 2, 3, 4]);
  assert.deepEqual(groups.map((_, i) => walk('ArrowRight', i)),
      [3, 3, 3, 4, 4, 5]);
  assert.deepEqual(groups.map((_, i) => walk('ArrowLeft', i)),
      [0, 1, 2, 0, 3, 3]);
  assert.deepEqual([walk('Home', 4), walk('End', 1), walk('x', 1)],
      [0, 5, null]);
  assert.deepEqual([0, 1, 2].map((i) => charts.step('ArrowRight', i,
      ['', '', ''])), [1, 2, 2]);
});

test('a range holds its ends, and nothing without a place', () => {
  const inside = (range) => [null, 1, 2, 3].map(
      (at) => charts.within(at, range));
  assert.deepEqual(inside([2, null]), [false, false, true, true]);
  assert.deepEqual(inside([1, 2]), [false, true, true, false]);
  assert.deepEqual(inside([null, null]), [false, true, true, true]);
});

test('an address gives back what was written into it', () => {
  const names = ['beta_vae (steps=400, n=6)', 'a~b', 'x&y=z', 'é %', '+'];
  for (const name of names) {
    const chosen = {score: name, off: names, range: [[name, '', '4'],
      ['a', '1', '']]};
    const hash = link.write(chosen);
    assert.match(hash, /^#[^\s"<>]*$/);
    assert.deepEqual(link.read(hash), {score: [[name]],
      off: names.map((n) => [n]), range: chosen.range});
  }
  assert.equal(link.write({a: '', b: []}), '');
  assert.equal(link.write({run: 'ab12', pin: ['c', 'd']}), '#run=ab12&pin=c,d');
  assert.deepEqual(link.read('#section-scores'), {});
  assert.deepEqual(link.read('#a=%E0%A4%A'), {a: [['']]});
});

test('a saved table is CSV, whatever its texts hold', () => {
  assert.equal(files.csv(['a', 'b, c'], [[1.5, 'x'], [null, 'say "no"'],
    [NaN, 'two\nlines'], [undefined, ''], [1e-7, Infinity]]),
  'a,"b, c"\n1.5,x\n,"say ""no"""\n,"two\nlines"\n,\n1e-7,\n');
});

test('names of files are plain', () => {
  assert.deepEqual(['mig_binned (mean)', 'a/b: c', '../x', '(%)', ''].map(
      files.stem), ['mig_binned_mean', 'a_b_c', '.._x', 'chart', 'chart']);
});

test('inks become the colours that they stand for', () => {
  const text = '<g fill="var(--ink)">var(--m0, red) var(--m0)</g>';
  assert.deepEqual(files.variables(text), ['--ink', '--m0']);
  assert.equal(files.inked('var(--ink) var(--m0, red) var(--other)',
      {'--ink': ' #111', '--m0': '#0072b2'}), '#111 #0072b2 var(--other)');
});

test('a computed colour is one that every reader knows', () => {
  assert.deepEqual(files.paint('rgb(27, 27, 31)'), ['#1b1b1f', 1]);
  assert.deepEqual(files.paint('rgba(0, 114, 178, 0.5)'), ['#0072b2', 0.5]);
  assert.deepEqual(files.paint('rgba(0, 0, 0, 0)'), [null, 1]);
  assert.deepEqual(files.paint('none'), [null, 1]);
});

test('a look says what differs from a shape without one', () => {
  const style = {fill: 'rgb(0, 114, 178)', fillOpacity: '0.7', stroke: 'none',
    strokeWidth: '1px', strokeOpacity: '1', strokeDasharray: 'none',
    fontSize: '11px', fontWeight: '400', textAnchor: 'middle'};
  assert.deepEqual(files.look(style, false),
      {fill: '#0072b2', 'fill-opacity': 0.7});
  assert.deepEqual(files.look({...style, fill: 'none',
    stroke: 'rgb(1, 2, 3)', strokeWidth: '2px', strokeOpacity: '0.5',
    strokeDasharray: '7px, 3.6px'}, false), {fill: 'none', stroke: '#010203',
    'stroke-width': '2', 'stroke-opacity': 0.5,
    'stroke-dasharray': '7, 3.6'});
  assert.deepEqual(files.look({...style, fill: 'rgb(0, 0, 0)',
    fillOpacity: '1', fontWeight: '600'}, true), {'font-size': '11',
    'font-weight': 'bold', 'text-anchor': 'middle'});
});

test('entries of a legend stay inside and apart', () => {
  const names = ['beta_vae', 'annealed_vae', 'a'.repeat(60), 'x', 'y'];
  const {places, width, height} = files.legend(names, 300);
  places.forEach(([x, y], i) => places.slice(i + 1).forEach(([left, top], j) =>
    assert.ok(top > y || left > x + 7 * names[i].length, `${i} ${j}`)));
  assert.ok(places.every(([x, y]) => x < 300 && y < height));
  assert.ok(width > 60 * 7);
  assert.equal(files.legend([], 300).height, 0);
});

test('panels keep their places beside each other', () => {
  const {places, width, height} = files.arranged([
    {left: 100, top: 50, width: 200, height: 80},
    {left: 310, top: 50, width: 200, height: 90}]);
  assert.deepEqual([places, width, height], [[[0, 0], [210, 0]], 410, 90]);
});

test('a picture fits into a canvas', () => {
  assert.equal(files.scale(1000, 300, 3), 3);
  for (const [width, height] of [[40000, 300], [9000, 9000]]) {
    const by = files.scale(width, height, 3);
    assert.ok(by * width <= 16001 && by * by * width * height <= 6.1e7);
  }
});
