// The charts' pure functions against closed forms: `node --test`.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import test from 'node:test';

const charts = createRequire(import.meta.url)(process.env.CHARTS);
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
  assert.deepEqual(charts.extent([1, null, 2, NaN]), [0.94, 2.06]);
  assert.deepEqual(charts.extent([]), [0, 1]);
  assert.deepEqual(charts.extent([5]), [4.5, 5.5]);
  assert.deepEqual(charts.extent([0, 0]), [-0.5, 0.5]);
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

test('a density is a sum of normal curves', () => {
  const width = 1.06 * Math.sqrt(2) * 2 ** -0.2;  // of -1 and 1
  const curve = (z) => Math.exp(-0.5 * z * z);
  const [middle, end] = charts.density([-1, 1], [0, 1]);
  near(middle, 2 * curve(1 / width));
  near(end, 1 + curve(2 / width));
});

test('strengths over decades are logarithmic, a zero left of them', () => {
  const even = charts.strengthScale([4, 1, 2, 4], 0, 100);
  assert.deepEqual(even.unique, [1, 2, 4]);
  near(even.x(1), 18);
  near(even.x(4), 82);
  near(even.x(2), 18 + 64 / 3);
  const log = charts.strengthScale([0.1, 1, 10], 0, 100);
  near(log.x(1), 50);
  const zero = charts.strengthScale([0, 1, 100], 0, 100);
  near(zero.x(0), 18);
  near(zero.x(1), 18 + 64 * 0.33 / 2.33);
  assert.equal(charts.strengthScale([3], 0, 100).x(3), 50);
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

test('scatter stays within its room and does not repeat', () => {
  const shifts = Array.from({length: 300}, (_, i) => charts.scatter(i));
  assert.ok(shifts.every((s) => s >= -0.5 && s < 0.5));
  assert.equal(new Set(shifts.map((s) => s.toFixed(6))).size, 300);
});

test('marks are closed outlines', () => {
  for (let m = 0; m < 9; m++) {
    assert.match(charts.outline(m, 10, 20, 3), /^M[-\d.]+ [-\d.]+.*z$/);
  }
});
