"""Scores of a few labelled images against a computation of their own."""

import types as python_types

import jax
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, metrics, requests, types
from disentangle_jax.data.draws import labelled
from disentangle_jax.metrics.models import few_labels

DATA = data_lib.load(
  'dsprites', resolution=8, scales=2, orientations=1, positions=4
)
VARY = [0, 1, 3, 4]  # all but the orientation


def _encoder(width):
  """The brightest places of an image as codes, [B, width]."""
  weights = np.random.default_rng(0).normal(size=(64, width)).astype(np.float32)
  represent = lambda state, x: types.Codes(x.reshape(len(x), -1) @ weights, {})
  return python_types.SimpleNamespace(represent=represent)


def _scores(config, width=5):
  probe = few_labels.make(config, DATA)
  key = jax.random.key(0)
  found = jax.jit(
    lambda: probe.score(key, (), _encoder(width), None, DATA.arrays, None)
  )()
  return {name: float(value) for name, value in found.items()}


def _examples(name, count):
  of_numbers = labelled.examples(DATA, requests.Labelled(1, name, 1))
  x, told = of_numbers(DATA.arrays, np.arange(count))
  return _encoder(5).represent(None, x).vector, np.asarray(told)[:, VARY]


def test_scores_are_those_of_the_labels_alone():
  config = few_labels.Config(counts=(20, 60))
  scores = _scores(config)
  for name in config.labellers:
    for count in config.counts:
      codes, told = _examples(name, count)
      expected = metrics.evaluate(codes, told, 'mig_binned')['mig_binned']
      assert scores[f'label_mig/{name}_{count}'] == pytest.approx(expected)
      last = slice(count * 9 // 10, count)
      p = 1 / (1 + np.exp(-np.asarray(codes, np.float64)[last, :4]))
      q = told[last] / np.array(DATA.factor_sizes)[VARY]
      error = -(q * np.log(p) + (1 - q) * np.log(1 - p)).sum(1).mean()
      got = scores[f'few_labels_error/{name}_{count}']
      assert got == pytest.approx(error, rel=1e-4)
  noisy, perfect = (_examples(n, 60)[1] for n in ('noisy', 'perfect'))
  assert 0 < np.mean(noisy != perfect) < 0.2
  entries = [v for k, v in scores.items() if k.startswith('label_mig/')]
  assert scores['label_mig'] == pytest.approx(np.mean(entries))


def test_too_few_codes_have_no_error():
  scores = _scores(few_labels.Config(counts=(20,)), width=3)
  assert np.isnan(scores['few_labels_error']) and scores['label_mig'] > 0


@pytest.mark.parametrize(
  'options, said',
  [
    ({'counts': (100, 9)}, 'counts'),
    ({'counts': ()}, 'not empty'),
    ({'labellers': ('partial',)}, "unknown 'partial'"),
    ({'seed': 0}, 'seed'),
  ],
)
def test_constants_that_are_refused(options, said):
  with pytest.raises(errors.ConfigError, match=said) as error:
    few_labels.make(few_labels.Config(**options), DATA)
  assert '\n' not in str(error.value)
