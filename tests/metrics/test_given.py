"""Arrays of others: any dtype, offset, order and library give one score."""

import fractions

from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pandas as pd
import pytest

import disentangle_jax as dj
from disentangle_jax import metrics
from disentangle_jax.metrics import given

# Fast, and between them every way of reading codes.
NAMES = ('mig_binned', 'modularity', 'dci_lasso', 'linear_correlation')
ROWS = 600


@pytest.fixture(scope='module')
def clean():
  """Factors of 8 and 3 levels and noisy linear codes of them."""
  rng = np.random.default_rng(0)
  factors = np.stack([rng.integers(0, 8, ROWS), rng.integers(0, 3, ROWS)], 1)
  mixed = factors @ np.array([[1.0, 0.3, 0.0], [0.0, 1.0, 0.2]])
  codes = mixed + 0.05 * rng.normal(size=mixed.shape)
  return codes, factors, metrics.evaluate(codes, factors, NAMES)


def close(scores, expected, tolerance=2e-3):
  assert scores.keys() == expected.keys()
  for name, value in expected.items():
    assert scores[name] == pytest.approx(value, abs=tolerance), name


@pytest.mark.parametrize('offset', [1e4, 1e7, -1.7e9, 1e12])
@pytest.mark.parametrize('scale', [1e-6, 1.0])
def test_offsets_and_scales_say_nothing(clean, offset, scale):
  codes, factors, expected = clean
  # What float64 itself keeps of the codes beside such an offset.
  if abs(offset) / scale > 1e11:
    pytest.skip('float64 does not hold them')
  close(metrics.evaluate(codes * scale + offset, factors, NAMES), expected)


@pytest.mark.parametrize('scale', [1e-200, 1e-30, 1e30, 1e200])
def test_sizes_that_float32_does_not_hold(clean, scale):
  codes, factors, expected = clean
  close(metrics.evaluate(codes * scale, factors, NAMES), expected)


def test_continuous_factors_with_an_offset():
  u = np.random.default_rng(1).random((500, 2))
  names = ('mig_binned', 'sap', 'dci_lasso')
  expected = metrics.evaluate(u, u, names, continuous=True)
  assert expected['mig_binned'] > 0.85
  moved = metrics.evaluate(u, u + 1.7e9, names, continuous=True)
  # Seconds since 1970 keep 22 bits of a second in float64.
  close(moved, expected, 1e-2)


@pytest.mark.parametrize(
  'dtype',
  [
    np.float16,
    np.float32,
    np.longdouble,
    np.int8,
    np.uint16,
    np.int64,
    np.uint64,
    bool,
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e4m3fn,
  ],
)
def test_every_numeric_dtype_is_taken(dtype):
  rng = np.random.default_rng(0)
  factors = rng.integers(0, 2, (200, 2))
  expected = metrics.evaluate(factors.astype(float), factors, NAMES[:2])
  codes = factors.astype(dtype)
  close(metrics.evaluate(codes, factors, NAMES[:2]), expected, 1e-6)
  close(metrics.evaluate(codes, factors.astype(dtype), NAMES[:2]), expected)
  if dtype is not np.longdouble:  # jax has none
    close(metrics.evaluate(jnp.asarray(codes), factors, NAMES[:2]), expected)
  close(metrics.evaluate(codes.tolist(), factors.tolist(), NAMES[:2]), expected)


def test_frames_nullable_ones_and_torch(clean):
  codes, factors, expected = clean
  frame = pd.DataFrame(factors, columns=['size', 'shape'])
  for table in (
    frame,
    frame.astype('Int64'),
    frame.astype('float64'),
    frame.astype({'shape': 'category'}),
    frame.assign(shape=frame['shape'].map({0: 'a', 1: 'b', 2: 'c'})),
    frame.assign(shape=frame['shape'].astype(str).astype('string')),
  ):
    close(metrics.evaluate(codes, table, NAMES), expected)
  close(metrics.evaluate(pd.DataFrame(codes), frame, NAMES), expected)
  wide = pd.DataFrame(codes).astype('Float64')
  close(metrics.evaluate(wide, frame, NAMES), expected)
  torch = pytest.importorskip('torch')
  tensor = torch.tensor(codes, requires_grad=True)
  close(metrics.evaluate(tensor, torch.tensor(factors), NAMES), expected)
  low = torch.tensor(np.round(codes)).to(torch.bfloat16)
  close(
    metrics.evaluate(low, factors, NAMES[:1]),
    metrics.evaluate(np.round(codes), factors, NAMES[:1]),
  )


@pytest.mark.parametrize(
  'change, where',
  [
    (lambda f: f.assign(size=f['size'].where(f.index != 7)), r"\[7, 'size'\]"),
    (
      lambda f: f.assign(size=f['size'].astype('Int64').where(f.index != 9)),
      r"\[9, 'size'\]",
    ),
    (
      lambda f: f.assign(
        shape=f['shape'].astype(str).where(f.index != 3, None)
      ),
      r"\[3, 'shape'\]",
    ),
    (
      lambda f: f.astype(object).where(f['size'] >= 0, np.nan).to_numpy(),
      None,
    ),
    (lambda f: np.where(np.arange(ROWS)[:, None] == 5, np.nan, f), r'\[5, 0\]'),
    (lambda f: np.where(np.arange(ROWS)[:, None] == 5, np.inf, f), r'\[5, 0\]'),
  ],
)
def test_missing_factors_are_refused_with_their_place(clean, change, where):
  codes, factors, expected = clean
  frame = pd.DataFrame(factors, columns=['size', 'shape'])
  table = change(frame)
  if where is None:
    close(metrics.evaluate(codes, table, NAMES), expected)
    return
  with pytest.raises(dj.ConfigError, match=f'factors{where} = None') as caught:
    metrics.evaluate(codes, table, NAMES)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'column',
  [
    lambda u: (u * 1e6).astype(int),
    lambda u: u,
    lambda u: [fractions.Fraction(x).limit_denominator(10**6) for x in u],
    lambda u: [f'image_{i}' for i in range(len(u))],
    lambda u: u.astype(ml_dtypes.bfloat16) * 0 + np.arange(len(u)),
  ],
)
def test_what_hardly_repeats_is_no_factor(column):
  u = np.random.default_rng(0).random(200)
  table = pd.DataFrame({'level': np.arange(200) % 4, 'other': column(u)})
  with pytest.raises(dj.ConfigError, match=r"factors\[:, 'other'\] .* looks"):
    metrics.evaluate(u[:, None], table, 'mig_binned')


def test_text_is_ordered_as_a_person_would():
  words = ['b10', 'b2', 'a', '10', '2', '1.5', 'b2c']
  assert sorted(words, key=given.natural) == [
    '1.5',
    '2',
    '10',
    'a',
    'b2',
    'b2c',
    'b10',
  ]
  sizes = np.tile(np.arange(1, 13), 20)
  codes = sizes[:, None] + 0.0
  text = np.array([f'{size} px' for size in sizes])[:, None]
  name = ('linear_correlation', 'dci_lasso')
  close(
    metrics.evaluate(codes, text, name),
    metrics.evaluate(codes, sizes[:, None], name),
  )


def test_codes_that_are_no_numbers_are_refused(clean):
  _, factors, _ = clean
  for codes, said in (
    (np.full((ROWS, 2), 'a'), 'must be numbers'),
    (np.ones((ROWS, 2), complex), 'must be numbers'),
    (pd.DataFrame({'z': ['a'] * ROWS}), r"codes\[:, 'z'\]"),
    (np.full((ROWS, 1), None), r'codes\[0, 0\] = None'),
  ):
    with pytest.raises(dj.ConfigError, match=said):
      metrics.evaluate(codes, factors, 'mig_binned')


def test_sap_reads_the_offset_by_definition(clean):
  """Its classifier penalises the intercept: an offset is not taken off."""
  codes, factors, _ = clean
  near = metrics.evaluate(codes, factors, 'sap')['sap']
  far = metrics.evaluate(codes + 1e4, factors, 'sap')['sap']
  assert near != pytest.approx(far, abs=1e-3)


def test_a_test_set_shares_offset_and_levels(clean):
  codes, factors, _ = clean
  of = lambda c, f: metrics.evaluate(
    c[:400], f[:400], ('dci_lasso', 'explicitness'), 0, c[400:], f[400:]
  )
  expected = of(codes, factors)
  close(of(codes + 1e8, factors), expected, 5e-3)
  frame = pd.DataFrame(factors.astype(str), columns=['a', 'b'])
  close(of(codes, frame), expected)


@settings(max_examples=40, deadline=None)
@drawn(
  order=st.permutations(range(3)),
  factor_order=st.permutations(range(2)),
  offset=st.sampled_from([0.0, 1e3, -1e6, 1e9]),
  scale=st.sampled_from([1e-3, 1.0, 1e3]),
  dtype=st.sampled_from(['float64', 'longdouble']),
  layout=st.sampled_from(['C', 'F']),
  dead=st.integers(0, 2),
  names=st.sampled_from(['numbers', 'text', 'shifted']),
  rows=st.integers(0, 5),
)
def test_scores_depend_on_nothing_that_says_nothing(
  clean, order, factor_order, offset, scale, dtype, layout, dead, names, rows
):
  """Order of rows and columns, dtype, layout, offset, scale, level names."""
  codes, factors, expected = clean
  codes = codes[:, list(order)] * scale + offset
  codes = np.concatenate([codes, np.full((ROWS, dead), 3.0 + offset)], axis=1)
  codes = np.asarray(codes, dtype=dtype, order=layout)
  table = factors[:, list(factor_order)]
  if names == 'shifted':
    table = table * 10 + 1
  if names == 'text':
    table = np.char.add('level ', table.astype(str))
  # Rows in another order: only what does not draw or split rows.
  shuffle = np.random.default_rng(rows).permutation(ROWS)
  scores = metrics.evaluate(codes[shuffle], table[shuffle], NAMES[:2])
  # Modularity is a mean over codes, dead ones included.
  for name in ('mig_binned',) if dead else ('mig_binned', 'modularity'):
    assert scores[name] == pytest.approx(expected[name], abs=2e-3)
