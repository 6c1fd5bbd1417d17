"""Every shipped config expands, with the numbers that its docstring states."""

import functools
import importlib
import json
import math
import pathlib

import jax
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax.engine.plan import group_shapes, planning

CONFIGS = pathlib.Path(__file__).parent.parent / 'experiments' / 'configs'
# (study, variant) -> (runs, programs).
EXPECTED = {
  ('quickstart', ''): (72, 2),
  ('quickstart', 'smoke'): (8, 2),
  ('attack', ''): (30, 1),
  ('attack', 'laptop'): (15, 1),
  ('attack', 'smoke'): (3, 1),
  ('capacity_order', ''): (5, 1),
  ('capacity_order', 'laptop'): (5, 1),
  ('capacity_order', 'smoke'): (2, 1),
  ('baselines', ''): (30, 6),
  ('baselines', 'laptop'): (30, 6),
  ('baselines', 'smoke'): (5, 5),
  ('beta_variance', ''): (520, 4),
  ('beta_variance', 'laptop'): (320, 4),
  ('beta_variance', 'mnist'): (2460, 12),
  ('beta_variance', 'mnist_laptop'): (90, 3),
  ('beta_variance', 'mnist_smoke'): (8, 2),
  ('beta_variance', 'smoke'): (4, 2),
  ('frey', ''): (150, 3),
  ('frey', 'laptop'): (70, 3),
  ('frey', 'smoke'): (4, 1),
  ('covariance_penalty', ''): (180, 20),
  ('covariance_penalty', 'laptop'): (90, 10),
  ('covariance_penalty', 'xor'): (20, 1),
  ('covariance_penalty', 'images'): (120, 2),
  ('covariance_penalty', 'images_laptop'): (70, 2),
  ('covariance_penalty', 'smoke'): (8, 2),
  ('aux_vae', ''): (20, 2),
  ('aux_vae', 'laptop'): (10, 2),
  ('aux_vae', 'smoke'): (4, 2),
  ('aux_gmvae', ''): (70, 2),
  ('aux_gmvae', 'laptop'): (10, 2),
  ('aux_gmvae', 'smoke'): (2, 1),
  ('unsupervised_study', ''): (1800, 6),
  ('unsupervised_study', 'reference'): (1800, 6),
  ('unsupervised_study', 'gpu'): (180, 6),
  ('unsupervised_study', 'laptop'): (90, 6),
  ('unsupervised_study', 'smoke'): (6, 6),
}
# Sets that need the user's file, and what stands for them here.
STAND_INS = {'mnist': 'digits'}


@functools.cache
def planned_as(study, variant):
  module = importlib.import_module(f'experiments.configs.{study}')
  config = module.get_config(variant)
  name = config.dataset.name
  config.dataset.name = STAND_INS.get(name, name)
  return planning.make(config)


def test_no_config_is_forgotten():
  studies = {p.stem for p in CONFIGS.glob('*.py')} - {'__init__'}
  assert studies == {study for study, _ in EXPECTED}


@pytest.mark.parametrize('study, variant', EXPECTED)
def test_configs_expand(study, variant):
  planned = planned_as(study, variant)
  assert (len(planned.runs), len(planned.groups)) == EXPECTED[study, variant]
  assert not planned.notes


@pytest.mark.parametrize('study', ['aux_vae', 'aux_gmvae'])
def test_variants_on_svhn_expand_given_the_file(study, tmp_path):
  module = importlib.import_module(f'experiments.configs.{study}')
  config = module.get_config('svhn')
  with pytest.raises(dj.ConfigError, match=r'config\.dataset\.path'):
    planning.make(config)
  config.dataset.path = str(tmp_path / 'svhn.npz')
  images = np.zeros((20, 32, 32, 3), np.uint8)
  np.savez(config.dataset.path, images=images, labels=np.arange(20) % 10)
  planned = planning.make(config)
  counts = (len(planned.runs), len(planned.groups))
  assert counts == EXPECTED[study, '']
  # Digits need a cluster each.
  if study == 'aux_gmvae':
    config.static.num_classes = 9
    with pytest.raises(dj.ConfigError, match='at least 10, the values of'):
      planning.make(config)


def test_unknown_variants_are_refused():
  from experiments.configs import quickstart

  with pytest.raises(dj.ConfigError, match="unknown 'zip'; legal: smoke"):
    quickstart.get_config('zip')


def test_run_numbers_of_the_large_study_are_the_published_ones():
  """model_num = 50 * (6 * method + grid index) + seed."""
  from experiments.configs import unsupervised_study

  planned = planned_as('unsupervised_study', '')
  methods = list(unsupervised_study.GRID)
  for run in planned.runs:
    name, values = unsupervised_study.GRID[run.method]
    index = values.index(run.hparams[name])
    place = 6 * methods.index(run.method) + index
    assert run.number == 50 * place + run.seed
    assert run.steps == 300_000 and run.hparams['learning_rate'] == 1e-4


def test_the_reference_variant_counts_factor_vae_updates_as_its_code_did():
  planned = planned_as('unsupervised_study', 'reference')
  steps = {(run.method, run.steps) for run in planned.runs}
  assert ('factor_vae', 150_000) in steps and ('beta_vae', 300_000) in steps
  configs = {g.method_name: g.config for g in planned.groups}
  assert configs['factor_vae'].permuted == 'same_batch'


def test_a_study_of_a_file_says_where_to_get_it():
  from experiments.configs import beta_variance

  with pytest.raises(dj.ConfigError, match=r'config\.dataset\.path') as caught:
    planning.make(beta_variance.get_config('mnist'))
  assert '\n' not in str(caught.value)


def test_betas_and_autoencoders_of_the_variance_study_are_the_published_ones():
  runs = planned_as('beta_variance', '').runs
  betas = sorted({run.hparams['beta'] for run in runs})
  assert betas == [pytest.approx(0.2 * i) for i in range(26)]
  kinds = {(r.config.net.name, r.config.salt_and_pepper) for r in runs}
  assert kinds == {(n, p) for n in ('mlp', 'conv') for p in (0.0, 0.2)}
  small = planned_as('beta_variance', 'laptop').runs
  assert {r.steps for r in small} == {3000}
  by_net = lambda net: {
    r.hparams['beta'] for r in small if r.config.net.name == net
  }
  assert by_net('mlp') == set(betas) and by_net('conv') == set(range(6))


def test_digits_are_seen_in_the_published_shares():
  runs = planned_as('beta_variance', 'mnist').runs
  shares = {json.loads(run.dataset.options)['share'] for run in runs}
  assert shares == {0.1, 0.3, 1.0}
  betas = sorted({run.hparams['beta'] for run in runs})
  assert betas == [pytest.approx(0.1 * i) for i in range(41)]


def test_the_convolutional_autoencoder_has_the_published_size():
  """Two convolutions, two dense layers, 84 codes, 'roughly 500,000'."""
  group = planned_as('covariance_penalty', 'images').groups[0]
  state = group_shapes.state_shapes(group)
  shapes = [x.shape for x in jax.tree.leaves(state.params)]
  assert (84,) in shapes and sum(len(shape) == 4 for shape in shapes) == 4
  assert abs(sum(map(math.prod, shapes)) - 500_000) < 10_000
