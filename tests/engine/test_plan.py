"""Expansion of configs; every mistake is caught before anything compiles."""

import math

import jax
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import requests
from disentangle_jax.engine.plan import (
  algebra,
  group_shapes,
  planning,
  registry,
)
from disentangle_jax.engine.programs import train
from disentangle_jax.methods.vae import beta_vae


def test_product_zip_and_chain():
  a = dj.product({'hparams.beta': [1, 2], 'steps': [10, 20]})
  assert a == [
    {'hparams.beta': 1, 'steps': 10},
    {'hparams.beta': 1, 'steps': 20},
    {'hparams.beta': 2, 'steps': 10},
    {'hparams.beta': 2, 'steps': 20},
  ]
  b = dj.zipped({'hparams.beta': [1, 2], 'steps': [10, 20]})
  assert b == [a[0], a[3]]
  assert dj.chain(a, b) == a + b
  with pytest.raises(dj.ConfigError, match='differ in length'):
    dj.zipped({'a': [1], 'b': [1, 2]})


def test_a_sweep_can_be_written_on_the_command_line():
  points = algebra.parse_sweep('hparams.beta=1,4.5; net.name=mlp,conv')
  assert points == dj.product(
    {'hparams.beta': [1, 4.5], 'net.name': ['mlp', 'conv']}
  )
  with pytest.raises(dj.ConfigError, match='name=value'):
    algebra.parse_sweep('hparams.beta')


def test_methods_choose_the_options_of_their_batch(config):
  class Pairs:
    HPARAMS, STRENGTH = beta_vae.HPARAMS, beta_vae.STRENGTH
    Config, make = beta_vae.Config, beta_vae.make

    @staticmethod
    def batch(config):
      return (requests.Pair(changes=config.num_latents),)

  config.methods, config.sweep = ('pairs',), [{}]
  config.static.num_latents = 2
  names = registry.of({'pairs': Pairs})
  group = planning.make(config, names).groups[0]
  draw = group_shapes.sampler(group.contract, group.config, group.dataset)
  batch = draw(jax.random.key(0), (), np.arange(16))
  changed = np.sum(batch['pair_factors'] != batch['factors'], axis=1)
  assert set(changed.tolist()) == {2}


def test_runs_are_numbered_method_by_strength_by_seed(config):
  plan = planning.make(config)
  assert [run.number for run in plan.runs] == list(range(8))
  assert [(r.method, r.strength, r.seed) for r in plan.runs] == [
    (method, strength, seed)
    for method, strengths in (('beta_vae', (1, 4)), ('annealed_vae', (5, 20)))
    for strength in strengths
    for seed in (0, 1)
  ]
  assert len({run.run_id for run in plan.runs}) == 8
  assert [len(group.runs) for group in plan.groups] == [4, 4]


def test_run_ids_depend_on_what_changes_a_run_and_on_nothing_else(config):
  ids = lambda: [run.run_id for run in planning.make(config).runs]
  before = ids()
  config.engine.runs_per_chunk = 3
  config.metrics = ('kl',)
  config.study = 'another name'
  assert ids() == before
  config.seeds = 3
  assert set(before) < set(ids())
  for field, value in (('steps', 21), ('batch_size', 9)):
    changed = config.copy_and_resolve_references()
    changed[field] = value
    other = {run.run_id for run in planning.make(changed).runs}
    assert not other & set(before), field


def test_a_swept_hparam_does_not_multiply_methods_that_lack_it(config):
  config.methods = ('vae', 'beta_vae')
  config.sweep = dj.product({'hparams.beta': [1, 2, 4]})
  plan = planning.make(config)
  assert [r.method for r in plan.runs] == ['vae'] * 2 + ['beta_vae'] * 6
  assert math.isnan(plan.runs[0].strength) and not plan.runs[0].strength_name


def test_variants_name_what_the_sweep_sets_apart_beside_the_strength(config):
  config.net.conv.channels = (4, 4)
  config.net.conv.kernels = (4, 2)
  config.sweep = dj.chain(
    dj.product(
      {
        'methods': ['beta_vae'],
        'net.name': ['mlp', 'conv'],
        'static.salt_and_pepper': [0.0, 0.2],
        'hparams.beta': [1, 4],
        'hparams.learning_rate': [1e-3],
      }
    ),
    dj.product({'methods': ['annealed_vae'], 'hparams.c_max': [5, 20]}),
  )
  runs = planning.make(config).runs
  found = [(run.method, run.variant) for run in runs]
  assert list(dict.fromkeys(found)) == [
    ('beta_vae', 'net=mlp, salt_and_pepper=0.0'),
    ('beta_vae', 'net=mlp, salt_and_pepper=0.2'),
    ('beta_vae', 'net=conv, salt_and_pepper=0.0'),
    ('beta_vae', 'net=conv, salt_and_pepper=0.2'),
    ('annealed_vae', ''),
  ]
  # The label is no part of what a run is.
  config.sweep = dj.product({'methods': ['beta_vae'], 'hparams.beta': [1, 4]})
  config.hparams.learning_rate = 1e-3
  alone = planning.make(config).runs
  assert {run.variant for run in alone} == {''}
  assert {run.run_id for run in alone} <= {run.run_id for run in runs}


def test_hparams_for_one_method_win_over_those_for_all(config):
  config.hparams.annealed_vae.learning_rate = 0.5
  plan = planning.make(config)
  rates = {r.method: r.hparams['learning_rate'] for r in plan.runs}
  assert rates == {'beta_vae': 1e-3, 'annealed_vae': 0.5}


def test_only_keeps_the_numbers(config):
  plan = planning.make(config)
  config.only = '1,4-5'
  kept = planning.only(planning.make(config))
  assert [r.number for r in kept.runs] == [1, 4, 5]
  assert [r.run_id for r in kept.runs] == [
    plan.runs[n].run_id for n in (1, 4, 5)
  ]
  assert [len(g.runs) for g in kept.groups] == [1, 2]


MISTAKES = {
  'unknown method': (
    lambda c: setattr(c, 'methods', ('bta_vae',)),
    r"config.methods: unknown 'bta_vae' \(did you mean 'beta_vae'\?\); legal: ",
  ),
  'no method': (lambda c: setattr(c, 'methods', ()), 'config.methods'),
  'unknown data set': (
    lambda c: setattr(c.dataset, 'name', 'dsprite'),
    r"config.dataset.name: unknown 'dsprite' \(did you mean 'dsprites'",
  ),
  'unknown metric': (
    lambda c: setattr(c, 'metrics', ('mig',)),
    r"config.metrics: unknown 'mig' \(did you mean 'mig_binned'\?\); legal",
  ),
  'unknown net': (
    lambda c: setattr(c.net, 'name', 'resnet'),
    "config.net.name: unknown 'resnet'; legal: burgess, conv, keras",
  ),
  'unknown hyper-parameter in the sweep': (
    lambda c: setattr(c, 'sweep', dj.product({'hparams.bta': [1]})),
    r"unknown 'bta' \(did you mean 'beta'\?\)",
  ),
  'unknown group in the sweep': (
    lambda c: setattr(c, 'sweep', dj.product({'hparam.beta': [1]})),
    r"unknown 'hparam' \(did you mean 'hparams'\?\)",
  ),
  'static field among the hyper-parameters': (
    lambda c: setattr(c, 'sweep', dj.product({'hparams.num_latents': [3]})),
    'num_latents is a static field; legal: static.num_latents',
  ),
  'hyper-parameter among the static fields': (
    lambda c: setattr(c, 'sweep', dj.product({'static.beta': [3]})),
    'beta is a traced hyper-parameter; legal: hparams.beta',
  ),
  'hyper-parameter that no chosen method has': (
    lambda c: setattr(c.hparams, 'lambda_od', 3.0),
    "unknown 'lambda_od'; legal: ",
  ),
  'a bad value, even where the sweep overrides it': (
    lambda c: setattr(c.hparams, 'beta', -3.0),
    'config.hparams.beta = -3.0: must be a finite number >= 0',
  ),
  'negative beta': (
    lambda c: setattr(c, 'sweep', dj.product({'hparams.beta': [1, -1]})),
    'config.hparams.beta = -1: must be a finite number >= 0',
  ),
  'NaN beta': (
    lambda c: setattr(c, 'sweep', dj.product({'hparams.beta': [math.nan]})),
    'config.hparams.beta = nan: must be a finite number >= 0',
  ),
  'rate of zero': (
    lambda c: setattr(c.hparams, 'learning_rate', 0.0),
    'config.hparams.learning_rate = 0.0: must be a finite number > 0',
  ),
  'text for a number': (
    lambda c: setattr(c, 'sweep', dj.product({'hparams.beta': ['high']})),
    "config.hparams.beta = 'high': must be a finite number >= 0",
  ),
  'empty sweep': (
    lambda c: setattr(c, 'sweep', []),
    'config.sweep = .*: is empty',
  ),
  'sweep of another form': (
    lambda c: setattr(c, 'sweep', 5),
    'config.sweep = 5: must be points',
  ),
  'sweep over seeds': (
    lambda c: setattr(c, 'sweep', dj.product({'seeds': [1, 2]})),
    "config.sweep = 'seeds': cannot be swept",
  ),
  'no seeds': (lambda c: setattr(c, 'seeds', 0), 'config.seeds = 0'),
  'repeated seeds': (
    lambda c: setattr(c, 'seeds', (1, 1)),
    r'config.seeds = \(1, 1\): .*distinct',
  ),
  'no steps': (lambda c: setattr(c, 'steps', 0), 'config.steps = 0'),
  'resolution for conv': (
    lambda c: (
      setattr(c.net, 'name', 'conv'),
      setattr(c.dataset, 'resolution', 24),
    ),
    'config.dataset.resolution = 24: .*4 times; legal: multiples of 16',
  ),
  'resolution of zero': (
    lambda c: setattr(c.dataset, 'resolution', 0),
    'config.dataset.resolution = 0',
  ),
  'negative latents': (
    lambda c: setattr(c.static, 'num_latents', 0),
    'config.static.num_latents = 0: must be an integer of at least 1',
  ),
  'unknown activation': (
    lambda c: setattr(c.net.mlp, 'encoder_activation', 'rlu'),
    r"config.net.*: unknown 'rlu' \(did you mean 'relu'\?\)",
  ),
  'unknown representation': (
    lambda c: setattr(c, 'representations', ('median',)),
    "config.representations: unknown 'median' .*legal: mean, sampled",
  ),
  'constant of a metric out of range': (
    lambda c: setattr(c.metric_options.mig_binned, 'num_bins', 0),
    'mig_binned.num_bins = 0: must be at least',
  ),
  'a Gaussian metric for discrete latents': (
    lambda c: c.update(
      {'methods': ('joint_vae',), 'sweep': None, 'metrics': ('elbo',)}
    ),
    "config.metrics = 'elbo': is defined for Gaussian latents alone, and "
    'method joint_vae has discrete ones',
  ),
  'a metric for a method without encoder': (
    lambda c: c.update(
      {
        'methods': ('capacity_generator',),
        'static': {'num_latents': None},
        'sweep': None,
        'metrics': ('mig_binned',),
      }
    ),
    "config.metrics = 'mig_binned': method capacity_generator has no encoder",
  ),
  'a batch of one where codes are paired': (
    lambda c: c.update(
      {'methods': ('factor_vae',), 'sweep': None, 'batch_size': 1}
    ),
    'config.batch_size = 1: method factor_vae needs at least 2',
  ),
  'only out of range': (
    lambda c: setattr(c, 'only', '8'),
    "config.only = '8': must be run numbers .* 0 to 7",
  ),
  'batch that the mesh cannot split': (
    lambda c: setattr(c.engine, 'data_shards', 3),
    'config.engine.data_shards = 3: must divide config.batch_size = 8',
  ),
}


@pytest.mark.parametrize('case', MISTAKES)
def test_mistakes_are_one_clear_line(case, config, monkeypatch):
  """Field, value and legal values, before any compile."""
  change, message = MISTAKES[case]
  change(config)

  def no_compile(*args, **kwargs):
    raise AssertionError('compiled before the mistake was found')

  monkeypatch.setattr(train, 'compile_group', no_compile)
  with pytest.raises(dj.ConfigError, match=message) as caught:
    planning.only(planning.make(config))
  assert '\n' not in str(caught.value)


def test_settings_without_effect_are_noted(config):
  assert not planning.make(config).notes
  config.hparams.beta = 3.0
  (note,) = planning.make(config).notes
  assert note.startswith('config.hparams.beta = 3.0 has no effect')


def test_unknown_config_fields_are_refused():
  with pytest.raises(AttributeError, match='stepss'):
    dj.base_config().stepss = 3


def test_window_divides_the_steps_where_it_can():

  assert train.window_of(1000, 0) == 20
  assert train.window_of(1000, 300) == 250
  assert train.window_of(300_000, 1) == 600  # at most 500 rows
  assert train.window_of(997, 100) == 100  # prime: a shorter last window
  assert train.window_of(3, 0) == 1


def test_inputs_are_padded_with_the_last_run(config):

  runs = planning.make(config).groups[0].runs
  inputs = train.make_inputs(runs[:3], 5)
  np.testing.assert_array_equal(inputs.hparams['beta'], [1, 1, 4, 4, 4])
  assert inputs.keys.shape == (5,)
