"""The attack as a score: tables, means, judge, and what is refused."""

import dataclasses
import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import types
from disentangle_jax.data import factorial, stream
from disentangle_jax.engine.plan import group_shapes
from disentangle_jax.methods import METHODS, contract
from disentangle_jax.metrics.models import attack
from disentangle_jax.nn import nets

SOURCES = 3
SMALL = {
  'sources': SOURCES,
  'num_steps': 4,
  'classifier_steps': 250,
  'classifier_hidden': (48,),
}
# Attacks that succeed now and then, in blocks that do not come out even.
MIDDLE = {'budget': 1.5, 'num_steps': 8, 'block': 64}


@functools.cache
def digits():
  """Rendered digits as a stream: drawn once, not at every step."""
  data = data_lib.load('digits', resolution=12, slants=3, thicknesses=2)
  grid = factorial.grid(data.factor_sizes)
  images = jax.jit(jax.vmap(lambda f: data.render((), f, None)))(grid)
  images = np.round(255 * np.asarray(images)).astype(np.uint8)
  return stream.stream(images, grid[:, :1], ('digit',), name='drawn')


@functools.cache
def probe(**options):
  return attack.make(attack.Config(**{**SMALL, **options}), digits())


@functools.cache
def judge():
  return attack.judge_of(attack.Config(**SMALL), digits())


@functools.cache
def context():
  """Of every probe here: it does not depend on the attack's options."""
  return jax.jit(probe().fit)(jax.random.key(1), digits().arrays)


def identity(scale=1.0):
  """A model that reconstructs every image, whatever it is."""

  def represent(state, observation):
    vector = state * observation.reshape(len(observation), -1)
    return types.Codes(vector, {})

  def decode(state, vector):
    return (vector / state).reshape(-1, 12, 12, 1)

  return types.Method(None, None, represent, decode), jnp.float32(scale)


@functools.cache
def program(**options):
  """A compiled score of the identity, `(context, state) -> scores`."""
  made, (method, _) = probe(**options), identity()
  return jax.jit(
    lambda held, state: made.score(None, held, method, state, (), None)
  )


def scores(state, **options):
  found = program(**options)(context(), jnp.float32(state))
  return {k: float(v) for k, v in found.items()}


def cells_of(found, name):
  return np.array(
    [
      [found.get(f'{name}/{s}_{t}', np.nan) for t in range(10)]
      for s in range(10)
    ]
  )


def test_the_judge_knows_rendered_digits():
  data = digits()
  params = context()['judge']
  test = data.sample(jax.random.key(9), data.arrays, jnp.arange(500))
  labels = np.asarray(test['factors'][:, 0])
  said = np.asarray(judge().predict(params, test['observation']))
  assert np.mean(said == labels) > 0.95
  assert float(
    judge().accuracy(params, test['observation'], labels)
  ) == pytest.approx(np.mean(said == labels))
  broken = test['observation'].at[0, 0, 0, 0].set(jnp.nan)
  assert judge().predict(params, broken)[0] == -1


def test_sources_and_targets_are_of_their_class():
  fitted = context()
  for images in (fitted['sources'], fitted['targets']):
    assert images.shape == (10, SOURCES, 12, 12, 1)
    said = [judge().predict(fitted['judge'], x) for x in images]
    right = np.mean(np.array(said) == np.arange(10)[:, None])
    assert right > 0.9
  assert bool(jnp.all(fitted['has_source'] & fitted['has_target']))


def test_without_a_limit_the_identity_becomes_the_target():
  found = scores(1.0, budget=20.0, num_steps=40)
  # Only a target that the judge itself mistakes can fail.
  assert found['attack_target'] > 0.9 and found['attack_ignore'] > 0.95
  assert found['attack_clean'] > 0.9 and found['attack_empty'] == 0
  assert 1.0 < found['attack_distance'] < 12.0


def test_within_a_tiny_budget_the_identity_cannot_be_moved():
  found = scores(1.0, budget=1e-3)
  assert found['attack_target'] == found['attack_ignore'] == 0
  assert 0 < found['attack_distance'] <= 1e-3 + 1e-6


def test_marginals_and_means_are_those_of_the_cells():
  found = scores(2.0, **MIDDLE)
  for name in ('attack_target', 'attack_ignore'):
    cells = cells_of(found, name)
    assert np.isnan(np.diag(cells)).all() and np.isfinite(cells).sum() == 90
    marginals = [found[f'{name}/{s}'] for s in range(10)]
    np.testing.assert_allclose(marginals, np.nanmean(cells, 1), rtol=1e-5)
    assert found[name] == pytest.approx(np.nanmean(cells), rel=1e-5)
    assert 0 < found[name] < 1
  target, ignore = (
    cells_of(found, f'attack_{n}') for n in ('target', 'ignore')
  )
  assert np.nanmin(ignore - target) >= 0
  assert len(found) == 4 + 2 * (1 + 10 + 90)


def test_a_cell_is_what_its_attacks_come_to_one_by_one():
  method, state = identity(2.0)
  config = attack.Config(**SMALL | MIDDLE)
  found = scores(2.0, **MIDDLE)
  held = context()
  one = jax.jit(
    lambda x, t: attack.attack(config, method, state, x[None], t[None])[0]
  )
  for s, t in ((0, 1), (7, 4), (9, 8)):
    to_target, away, counted = 0, 0, 0
    for source, target in zip(held['sources'][s], held['targets'][t]):
      named = lambda x: int(judge().predict(held['judge'], x[None])[0])
      if named(source) != s:
        continue
      counted += 1
      said = named(source + one(source, target))
      to_target += said == t
      away += said != s
    assert found[f'attack_target/{s}_{t}'] == pytest.approx(to_target / counted)
    assert found[f'attack_ignore/{s}_{t}'] == pytest.approx(away / counted)


def test_classes_that_do_not_come_back_leave_empty_cells():
  one = context()['sources'][3, 0]
  represent = lambda state, x: types.Codes(x.reshape(len(x), -1), {})
  decode = lambda state, z: jnp.broadcast_to(one, (len(z), *one.shape))
  method = types.Method(None, None, represent, decode)
  run = jax.jit(lambda held: probe().score(None, held, method, (), (), None))
  found = {k: float(v) for k, v in run(context()).items()}
  assert found['attack_clean'] == pytest.approx(0.1)
  assert found['attack_empty'] == pytest.approx(0.9)
  cells = cells_of(found, 'attack_ignore')
  assert np.isnan(np.delete(cells, 3, 0)).all()
  assert np.nansum(cells[3]) == 0 and np.isfinite(cells[3]).sum() == 9
  assert np.isnan(found['attack_ignore/4']) and found['attack_ignore/3'] == 0
  assert found['attack_ignore'] == 0


def test_models_side_by_side_score_as_one_by_one():
  states = jnp.array([2.0, 0.5])
  both = jax.jit(jax.vmap(program(**MIDDLE), (None, 0)))(context(), states)
  for r, state in enumerate(states):
    for name, value in scores(state, **MIDDLE).items():
      assert float(both[name][r]) == pytest.approx(value, abs=1e-6), name


def test_selection_takes_the_first_rows_of_every_class():
  labels = jnp.array([2, 0, 1, 0, 2, 0, 2])
  order, found = attack.select(labels, 3, 2)
  assert order[0].tolist() == [1, 3] and order[2].tolist() == [0, 4]
  assert int(order[1, 0]) == 2
  assert found.tolist() == [[True, True], [True, False], [True, True]]


def labelled(per_class=(5, 4)):
  labels = np.repeat(np.arange(len(per_class)), per_class)
  images = np.zeros((len(labels), 8, 8, 1), np.uint8)
  return stream.stream(images, labels[:, None], ('label',), name='mine')


def test_images_per_class_of_grids_and_streams():
  grid = data_lib.load('digits', resolution=8, slants=3, sizes=2)
  assert attack.images_per_class(grid, 0).tolist() == [30] * 10
  assert attack.images_per_class(labelled(), 0).tolist() == [5, 4]


@pytest.mark.parametrize(
  'options, message',
  [
    ({'kind': 'outputs'}, "attack.kind: unknown 'outputs'.*'output'"),
    ({'norm': 'l1'}, "attack.norm: unknown 'l1'.*legal: l2, linf"),
    ({'budget': 0.0}, 'attack.budget = 0.0: must be finite and > 0'),
    ({'budget': float('nan')}, 'attack.budget'),
    ({'penalty': -1.0}, 'attack.penalty = -1.0'),
    ({'num_steps': 0}, 'attack.num_steps = 0: must be at least 1'),
    ({'factor': 1}, r'attack.factor = 1: must be one of 0 \(label\)'),
    ({'sources': 5}, 'attack.sources = 5: class 1 of mine has 4 images'),
    ({'classifier_hidden': (0,)}, 'attack.classifier_hidden'),
  ],
)
def test_what_cannot_be_attacked_is_refused_in_one_line(options, message):
  config = attack.Config(**{'sources': 2, **options})
  with pytest.raises(dj.ConfigError, match=message) as caught:
    attack.make(config, labelled())
  assert '\n' not in str(caught.value)


def test_a_study_refuses_them_at_plan_time_and_stores_the_table(tmp_path):
  unlabelled = stream.stream(np.zeros((9, 8, 8, 1), np.uint8), name='bare')
  own = {'datasets': {'bare': unlabelled, 'mine': digits()}}
  config = dj.base_config(**own)
  config.methods = ('joint_vae',)
  config.dataset.name = 'bare'
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = config.net.mlp.decoder_hidden = (16,)
  config.static.num_latents = 2
  config.steps = 3
  config.batch_size = 4
  config.seeds = 2
  config.metrics = ('attack_target',)
  config.metric_options.attack.update(
    {'sources': 1, 'num_steps': 2, 'classifier_steps': 2}
  )
  config.engine.keep_samples = False
  with pytest.raises(dj.ConfigError, match='bare has no labels'):
    dj.sweep(config, tmp_path / 'none', **own)
  config.dataset.name = 'mine'
  rows = dj.sweep(config, tmp_path / 'study', **own)
  names = rows.loc[~rows['name'].str.startswith('train/'), 'name']
  assert names.value_counts().eq(2).all()
  assert names.nunique() == 1 + 10 + 90
  assert names.str.startswith('attack_target').all()


@functools.cache
def sprites():
  return data_lib.load(
    'dsprites', resolution=8, scales=2, orientations=3, positions=4
  )


@functools.cache
def attacks():
  """Probes of both kinds, and the shapes of what they fit beforehand."""
  probes = []
  for kind in ('latent', 'output'):
    config = attack.Config(sources=2, num_steps=2, kind=kind)
    made = attack.make(config, sprites())
    fitted = jax.eval_shape(made.fit, jax.random.key(0), ())
    probes.append((made, fitted))
  return probes


def small_method(module):
  """A method with tiny nets, and its config."""
  fields = {f.name for f in dataclasses.fields(module.Config)}
  nets_config = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))
  options = {'net': nets_config, 'num_latents': 3}
  config = module.Config(**{k: v for k, v in options.items() if k in fields})
  return module.make(config, sprites()), config


def state_shapes(module, method, config):
  data = sprites()
  sample = group_shapes.sampler(contract.read(module), config, data)
  hparams = {k: jnp.float32(v) for k, v in module.HPARAMS.items()}
  init = lambda key: method.init(key, sample(key, (), jnp.arange(2)), hparams)
  return jax.eval_shape(init, jax.random.key(0))


@pytest.mark.parametrize('name', METHODS)
def test_every_method_that_reconstructs_can_be_attacked(name):
  module = METHODS[name]
  before = inspect.signature(module.make).parameters.get('before')
  if before is not None and before.default is inspect.Parameter.empty:
    pytest.skip('cannot be made without its earlier phase')
  try:
    method, config = small_method(module)
  except dj.ConfigError as error:
    pytest.skip(f'not for images of sprites: {error}')
  if method.represent is None or method.decode is None:
    pytest.skip('reconstructs nothing')
  try:
    state = state_shapes(module, method, config)
  except dj.ConfigError as error:
    pytest.skip(f'not for images of sprites: {error}')
  for made, held in attacks():
    run = lambda held, state, probe=made: probe.score(
      None, held, method, state, (), None
    )
    found = jax.eval_shape(run, held, state)
    assert len(found) == 4 + 2 * (1 + 3 + 6)
    assert all(x.shape == () and x.dtype == 'float32' for x in found.values())
