"""Every packaged study is a folder that works: config, README, claims, page."""

import ast
import functools
import json
import math
import types

import jax
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import studies
from disentangle_jax.commands import configs
from disentangle_jax.engine.plan import (
  group_shapes,
  identities,
  parse,
  planning,
  registry,
  survival,
)
from disentangle_jax.methods import METHODS

FOLDERS = studies.folders()
EXPECTED = {
  (key, variant): counts
  for key in FOLDERS
  for variant, counts in studies.config_module(key).EXPECTED.items()
}
# Planned whole in every run of the tests; the others, whose nets take seconds
# to trace and whose sets take as long to render, where slow tests run.
SMALL = {place for place in EXPECTED if 'smoke' in place[1]}
# Sets that need the user's file, and what stands for them here.
STAND_INS = {'mnist': 'digits', 'aligned_files': 'parallel_sentences'}


def remembering(module):
  """A method's module whose `make` gives equal functions as one object.

  Everything that `make` refuses it refuses as ever.
  """
  known = {}

  @functools.wraps(module.make)
  def make(config, data, *before):
    method = module.make(config, data, *before)
    arrays = jax.tree.map(lambda x: (np.shape(x), x.dtype), data.arrays)
    fields = (data.name, data.kind, data.observation_shape, data.factor_names)
    more = (data.factor_sizes, data.num_examples, str(arrays))
    earlier = tuple(id(phase) for phase in before)
    place = (config, *fields, *more, *earlier)
    return known.setdefault(place, (method, before))[0]

  copy = types.ModuleType(module.__name__, module.__doc__)
  copy.__dict__.update({**vars(module), 'make': make})
  return copy


@pytest.fixture(autouse=True, scope='module')
def traced_once():
  """One trace of a method for all groups of one setting on sets of one size.

  JAX knows a function that it has traced; tracing is what takes the time. Sets
  that variants of a study share are rendered once.
  """
  load, loaded = data_lib.load, {}
  check, checked = survival.check, {}
  batch_of, latest = group_shapes.example_batch, []

  def check_once(name, method, *more):
    if checked.get(id(method.update)) is not method.update:
      check(name, method, *more)
      checked[id(method.update)] = method.update

  def load_once(name, **options):
    place = name, json.dumps(options, sort_keys=True, default=str)
    if place not in loaded:
      loaded[place] = load(name, **options)
      for earlier in list(loaded)[:-4]:
        del loaded[earlier]
    return loaded[place]

  def batch_once(group):
    if not latest or latest[0] is not group:
      latest[:] = group, batch_of(group)
    return latest[1]

  with pytest.MonkeyPatch.context() as patch:
    for name, module in METHODS.items():
      patch.setitem(METHODS, name, remembering(module))
    patch.setattr(data_lib, 'load', load_once)
    patch.setattr(survival, 'check', check_once)
    patch.setattr(group_shapes, 'example_batch', batch_once)
    yield


def config_of(key, variant=''):
  return studies.config_module(key).get_config(variant)


@functools.cache
def planned_as(study, variant):
  config = config_of(study, variant)
  name = config.dataset.name
  config.dataset.name = STAND_INS.get(name, name)
  if variant == 'all':
    # Seven sets that need no files, and 2 of 50 seeds: the product counts.
    config.seeds = 2
    names = ('dsprites', *(f'blobs {n}' for n in range(6)))
    places = {p['dataset.name']: n for p, n in zip(study_datasets(), names)}
    config.sweep = [
      {k: v for k, v in point.items() if not k.startswith('dataset.')}
      | stand_in(places[point['dataset.name']])
      for point in config.sweep
    ]
  return planning.make(config)


def study_datasets():
  return studies.config_module('unsupervised_study').datasets()


def stand_in(place):
  name, _, number = place.partition(' ')
  more = {'dataset.positions': 8 + int(number)} if number else {}
  return {'dataset.name': name, **more}


@pytest.mark.parametrize('key', FOLDERS)
def test_folders_are_whole(key):
  """README, a docstring with the command, a full size and a smoke."""
  folder = FOLDERS[key]
  assert (folder / '__init__.py').is_file()
  if key != 'quickstart':
    assert (folder / 'README.md').is_file()
  module = studies.config_module(key)
  text = ast.get_docstring(ast.parse((folder / 'config.py').read_text()))
  assert f'--config={key}' in text.replace('\\\n', ' ')
  assert '' in module.EXPECTED
  assert any('smoke' in variant for variant in module.EXPECTED)
  assert {v for v in module.EXPECTED if v} <= set(module.VARIANTS)


@pytest.mark.parametrize('study, variant', EXPECTED)
def test_configs_are_read_and_counted(study, variant):
  """All that is refused without a data set, and how many runs there are."""
  config = config_of(study, variant)
  if variant == 'all':
    pytest.skip('its sets need files; planned whole with others in their place')
  config.dataset.name = STAND_INS.get(config.dataset.name, config.dataset.name)
  names = registry.of()
  runs = identities.runs_of(parse.study(config, names), names)
  every = [one for run in runs for one in (run, *run.ancestors())]
  groups = {planning.program_key(run) for run in every}
  assert (len(runs), len(groups)) == EXPECTED[study, variant]


@pytest.mark.parametrize(
  'study, variant',
  [
    pytest.param(*place, marks=[pytest.mark.slow] * (place not in SMALL))
    for place in EXPECTED
  ],
)
def test_configs_expand(study, variant):
  """Whole plans: sets are rendered, methods and scores are traced."""
  planned = planned_as(study, variant)
  runs = len(planned.runs) * (25 if variant == 'all' else 1)
  assert (runs, len(planned.groups)) == EXPECTED[study, variant]
  # What one method of a study gives and another cannot is a note, no refusal.
  assert all(note.startswith('not scored: ') for note in planned.notes)


def test_studies_are_found_by_name_and_by_path():
  by_name = configs.find('quickstart:smoke')
  path = FOLDERS['quickstart'] / 'config.py'
  by_path = configs.find(f'{path}:smoke')
  assert by_name.key == by_path.key == 'quickstart'
  assert by_name.variant == by_path.variant == 'smoke'
  assert configs.load(by_name).steps == configs.load(by_path).steps == 40


def test_a_new_folder_is_a_study(tmp_path, monkeypatch):
  folder = tmp_path / 'brand_new'
  folder.mkdir()
  (folder / '__init__.py').write_text('')
  (folder / 'config.py').write_text(
    'from disentangle_jax.studies import grid\n'
    'EXPECTED = {}\n'
    "def get_config(variant=''):\n"
    '  return grid.base_config()\n'
  )
  monkeypatch.setattr(studies, '__path__', [*studies.__path__, str(tmp_path)])
  assert configs.load(configs.find('brand_new')).study == 'study'
  assert studies.page_module('brand_new') is None
  (folder / 'config.py').unlink()
  with pytest.raises(
    dj.ConfigError, match=r"unknown 'brand_new'; legal: .*list studies"
  ):
    configs.find('brand_new')


def test_own_files_with_colons_variants_and_mistakes(tmp_path):
  folder = tmp_path / 'a:b'
  folder.mkdir()
  path = folder / 'my_study.py'
  path.write_text(
    'import disentangle_jax as dj\n'
    "def get_config(variant=''):\n"
    '  config = dj.base_config()\n'
    "  config.study = f'mine_{variant}'\n"
    '  return config\n'
  )
  assert configs.load(configs.find(str(path))).study == 'mine_'
  assert configs.load(configs.find(f'{path}:x:y')).study == 'mine_x:y'
  assert configs.find(str(path)).key == ''
  wrong = {
    'def get_config(v):\n  return 1 / 0\n': ':2: ZeroDivisionError',
    'x = 1\n': "must have a function 'get_config",
    'def get_config(v):\n  return {}\n': 'gives dict, no config',
    'def get_config(v)\n': ':1: SyntaxError',
    'import disentangle_jax as dj\ndef get_config(v):\n'
    '  c = dj.base_config()\n  c.stepz = 1\n': r':4: .*stepz',
    'import nowhere_to_be_found\ndef get_config(v): pass\n': ':1: ModuleNot',
    'def get_config(): pass\n': 'has no variants',
  }
  for number, (text, said) in enumerate(wrong.items()):
    path = tmp_path / f'wrong_{number}.py'
    path.write_text(text)
    with pytest.raises(dj.ConfigError, match=said) as caught:
      configs.load(configs.find(f'{path}:small'))
    assert '\n' not in str(caught.value) and len(str(caught.value)) < 500


def test_lists_of_names_and_repeated_flags():
  words = ['--config.metrics=mig_binned,kl', '--config.steps=5', '-x']
  assert configs.arguments(words) == [
    "--config.metrics=('mig_binned','kl',)",
    '--config.steps=5',
    '-x',
  ]
  kept = ["--config.metrics=('a',)"]
  assert configs.arguments(kept) == kept
  assert configs.split(['p', '--config', 'a.py', '-v']) == ('a.py', ['p', '-v'])
  for words in (['--config=a', '--config=b'], ['--config']):
    with pytest.raises(dj.ConfigError, match='--config'):
      configs.split(words)


@pytest.mark.parametrize('study', ['aux_vae', 'aux_gmvae'])
def test_variants_on_svhn_expand_given_the_file(study, tmp_path):
  config = config_of(study, 'svhn')
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
  with pytest.raises(dj.ConfigError, match="unknown 'zip'; legal: smoke"):
    config_of('quickstart', 'zip')


def test_run_numbers_of_the_large_study_are_the_published_ones():
  """model_num = 50 * (6 * method + grid index) + seed."""
  grid = studies.config_module('unsupervised_study').GRID
  planned = planned_as('unsupervised_study', '')
  methods = list(grid)
  for run in planned.runs:
    name, values = grid[run.method]
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
  with pytest.raises(dj.ConfigError, match=r'config\.dataset\.path') as caught:
    planning.make(config_of('beta_variance', 'mnist'))
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


def test_shares_of_a_study_are_its_seeds_and_keep_its_numbers():
  config = config_of('quickstart')
  whole = planning.make(config)
  numbers = {}
  for share in (1, 2, 3):
    config.slice = f'{share}/3'
    part = planning.sliced(planning.make(config))
    assert {r.seed for r in part.runs} == set(range(8)[share - 1 :: 3])
    assert not numbers.keys() & {r.run_id for r in part.runs}
    numbers |= {r.run_id: r.number for r in part.runs}
  assert numbers == {r.run_id: r.number for r in whole.runs}
  for wrong in ('0/3', '4/3', '1/9', '1', 'a/b', '1/0', '-1/3', '1/3/3'):
    config.slice = wrong
    with pytest.raises(dj.ConfigError, match=r"config\.slice = .*'k/n'"):
      planning.sliced(planning.make(config))
