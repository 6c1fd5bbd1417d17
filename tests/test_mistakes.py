"""A hundred mistakes of a first day: each gives one line that helps.

The line names the field and the value, near names where there are some, and
never lists a thousand legal ones.
"""

import pathlib
import re

from absl import flags
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data, metrics
from disentangle_jax.commands import configs, mistakes
from disentangle_jax.engine.plan import planning

TINY = pathlib.Path(__file__).parent / 'engine' / 'tiny_study.py'
LONGEST = 400  # characters of a line


def tiny():
  return configs.load(configs.find(str(TINY)))


def typed(*words):
  """What a command says to these words behind --config=FILE."""
  argv = ['sweep', f'--config={TINY}', *words]
  values = flags.FlagValues()
  flags.DEFINE_string('config', None, '', flag_values=values)
  flags.DEFINE_string('workdir', None, '', flag_values=values)
  try:
    _, config, rest, _ = configs.overridden(argv, values)
    values(rest)
    planning.only(planning.sliced(planning.make(config)))
  except mistakes.RAISED as error:
    return mistakes.one_line(argv, error)
  pytest.fail(f'{words} was accepted')


# Words behind --config=FILE -> what the line must hold.
FLAGS = [
  ('--config.stepz=3', r"unknown 'stepz' \(did you mean 'steps'\?\)"),
  ('--config.step=3', "'step'.*did you mean 'steps'"),
  ('--config.Steps=3', "unknown 'Steps'.*'steps'"),
  ('--config.steps=1e5', "config.steps = '1e5'.*write 100000"),
  ('--config.steps=1.5', "config.steps = '1.5': must be an integer; .*2"),
  ('--config.steps=many', "config.steps = 'many': must be an integer"),
  ('--config.steps=', r"config\.steps = '': must be an integer"),
  ('--config.steps=0', 'config.steps = 0: .*at least 1'),
  ('--config.steps=-5', 'config.steps = -5: .*at least 1'),
  ('--config.batch_size=0', 'config.batch_size = 0'),
  ('--config.batch_size=64.0', "config.batch_size = '64.0'.*write 64"),
  ('--config.seeds=0', 'config.seeds = 0: must be a count'),
  ('--config.seeds=-1', 'config.seeds = -1'),
  ('--config.seeds=1.5', r'config\.seeds = 1\.5'),
  ('--config.seeds=a', "config.seeds = 'a'"),
  ('--config.seeds=1,1', r'config\.seeds = \(1, 1\)'),
  ('--config.methods=beta_va', "unknown 'beta_va'.*'beta_vae'"),
  ('--config.methods=betaVAE', "unknown 'betaVAE'"),
  ('--config.methods=', 'config.methods = .*is empty'),
  ('--config.methods=beta_vae,vea', "unknown 'vea'.*'vae'"),
  ('--config.metrics=mig', "config.metrics: unknown 'mig'.*experiments.list"),
  ('--config.metrics=mig_binned,kll', "unknown 'kll'.*'kl'"),
  ('--config.metrics=MIG', "unknown 'MIG'"),
  ('--config.net.name=mpl', "config.net.name: unknown 'mpl'.*'mlp'"),
  ('--config.engine=3', 'config.engine = .3.: is a group of fields'),
  ('--config.net.mlp.encoder_hidden=64', r'encoder_hidden = 64.*\(64,\)'),
  ('--config.net.mlp.encoder_hidden=(0,)', r'encoder_hidden = \(0,\)'),
  ('--config.net.mlp.encoder_hidden=(16.5,)', r'encoder_hidden = \(16\.5,\)'),
  ('--config.net.mlp.hidden=(16,)', "unknown 'hidden'"),
  ('--config.net.mlp.encoder_hiden=(16,)', "did you mean 'encoder_hidden'"),
  ('--config.dataset.name=dsprite', "unknown 'dsprite'.*'dsprites'"),
  ('--config.dataset.name=mnist', 'this data set is not shipped'),
  ('--config.dataset.resolution=4', r'config\.dataset\.resolution = 4'),
  ('--config.dataset.resolution=8x8', "resolution = '8x8'"),
  ('--config.dataset.resolutions=8', "unknown 'resolutions'"),
  ('--config.dataset.hues=3', r'config\.dataset \(dsprites\): unknown .hues'),
  ('--config.dataset.path=nowhere.npz', "unknown 'path'"),
  ('--config.hparams.bta=3', "unknown 'bta' .*'beta'"),
  ('--config.hparams.beta=high', "config.hparams.beta = 'high'.*number"),
  ('--config.hparams.beta=nan', r'config\.hparams\.beta = nan'),
  ('--config.hparams.beta=inf', r'config\.hparams\.beta = inf'),
  ('--config.hparams.beta=-1', r'config\.hparams\.beta = -1\.0: .*>= 0'),
  ('--config.hparams.learning_rate=0', 'learning_rate = 0.*> 0'),
  ('--config.hparams.lr=0.1', "unknown 'lr'"),
  ('--config.hparams.gamma_typo=1', "unknown 'gamma_typo'"),
  ('--config.hparams.lambda_od=1', 'config.hparams .methods beta_vae'),
  ('--config.hparams.num_latents=4', "unknown 'num_latents'"),
  ('--config.static.beta=4', "config.static: unknown 'beta'"),
  ('--config.static.num_latents=0', r'num_latents = 0'),
  ('--config.static.num_latents=2.5', "num_latents = '2.5'"),
  ('--config.static.likelihood=gauss', 'likelihood.*gauss'),
  ('--config.static.precision=fp16', 'precision.*fp16'),
  ('--config.latents=4', "unknown 'latents'"),
  ('--config.learning_rate=0.1', "config: unknown 'learning_rate'"),
  ('--config.only=99', "config.only = '99'.*0 to 7"),
  ('--config.only=a-b', "config.only = 'a-b'"),
  ('--config.only=5-3', "config.only = '5-3'"),
  ('--config.slice=3', "config.slice = '3'.*'k/n'"),
  ('--config.slice=5/2', "config.slice = '5/2'"),
  ('--config.representations=mu', "unknown 'mu'.*mean"),
  ('--config.metric_seeds=0', r'config\.metric_seeds = 0'),
  ('--config.metric_options.mig.num_bins=5', "unknown 'mig'"),
  ('--config.metric_options.mig_binned.bins=5', "unknown 'bins'"),
  ('--config.metric_options.mig_binned.num_bins=1', 'num_bins = 1'),
  ('--config.engine.runs_per_chunk=-1', r'runs_per_chunk = -1'),
  ('--config.engine.data_shards=3', r'data_shards = 3: must divide'),
  ('--config.engine.checkpoint_minutes=-1', 'checkpoint_minutes = -1'),
  ('--config.engine.gpu=0', "unknown 'gpu'"),
  ('--config.study=', "config.study = ''"),
  ('--config.sweep=hparams.beta', "config.sweep = 'hparams.beta'.*name=value"),
  ('--config.sweep=hparams.bta=1,2', "unknown 'bta'"),
  ('--config.sweep=static.beta=1,2', 'hyper-parameter'),
  ('--config.sweep=seeds=1,2', "'seeds': cannot be swept"),
  ('--config.sweep=metrics=kl', "'metrics': cannot be swept"),
  ('--config.steps.x=3', "has no 'x'"),
  ('--confg.steps=3', "Unknown command line flag 'confg.steps'"),
  ('--workdr=x', "'workdr'.*workdir"),
]
TWICE = [
  (('--config.steps=3', '--config.steps=4'), "'3, 4': must be given once"),
  (('--config=a.py',), 'must be given once'),
]


@pytest.mark.parametrize('word, said', FLAGS, ids=[w for w, _ in FLAGS])
def test_flags(word, said):
  line = typed(word)
  check(line, said)


@pytest.mark.parametrize('words, said', TWICE)
def test_flags_given_twice(words, said):
  check(typed(*words), said)


def check(line, said):
  assert '\n' not in line and len(line) <= LONGEST, line
  assert re.search(said, line), line
  assert 'Traceback' not in line


# Changes of a config in Python -> what the error must hold.
PYTHON = {
  'seeds as text': (lambda c: c.update(seeds='3'), "config.seeds = '3'"),
  'seeds twice': (lambda c: c.update(seeds=[1, 1]), 'config.seeds'),
  'seeds negative': (lambda c: c.update(seeds=[-1]), 'config.seeds'),
  'truth for a count': (lambda c: c.update(seeds=True), 'config.seeds = True'),
  'one value in product': (
    lambda c: c.update(sweep=dj.product({'hparams.beta': 4})),
    r'config\.sweep: hparams\.beta = 4: must be a list .*\[4\]',
  ),
  'text in product': (
    lambda c: c.update(sweep=dj.product({'methods': 'beta_vae'})),
    r"config\.sweep: methods = 'beta_vae': must be a list",
  ),
  'lengths of zipped': (
    lambda c: c.update(sweep=dj.zipped({'steps': [1], 'seeds': [1, 2]})),
    'differ in length',
  ),
  'an empty sweep': (lambda c: c.update(sweep=[]), 'is empty'),
  'a sweep of numbers': (
    lambda c: c.update(sweep=[1, 2]),
    'must be points from product',
  ),
  'an unknown name in a sweep': (
    lambda c: c.update(sweep=dj.product({'hparams.bata': [1]})),
    "unknown 'bata'.*'beta'",
  ),
  'a name without its group': (
    lambda c: c.update(sweep=dj.product({'beta': [1]})),
    'hparams.beta',
  ),
  'widths in a sweep': (
    lambda c: c.update(sweep=dj.product({'net.mlp.encoder_hidden': [16, 32]})),
    r'encoder_hidden = 16: must be a list of integers',
  ),
  'text as a strength': (
    lambda c: c.update(sweep=dj.product({'hparams.beta': ['high']})),
    "hparams.beta = 'high'",
  ),
  'an array of no numbers': (
    lambda c: c.update(sweep=dj.product({'hparams.beta': np.array([np.nan])})),
    r'hparams\.beta = nan',
  ),
  'another method in a sweep': (
    lambda c: c.update(sweep=dj.product({'methods': ['factor_vae']})),
    "unknown 'factor_vae'",
  ),
  'a batch that cannot be split': (
    lambda c: c.engine.update(data_shards=3),
    'must divide config.batch_size = 8',
  ),
}


@pytest.mark.parametrize('name', PYTHON)
def test_configs_in_python(name):
  change, said = PYTHON[name]
  config = tiny()
  with pytest.raises(dj.ConfigError) as caught:
    change(config)
    planning.make(config)
  check(str(caught.value), said)


# Lines of a config file -> what stands behind FILE:LINE.
LINES = {
  'config.hparams.betta = 3': "no field 'betta' (did you mean 'beta'?)",
  'config.update({"stepz": 3})': "no field 'stepz' (did you mean 'steps'?)",
  'config.zzzz = 3': "no field 'zzzz'",
  'config.hparams.betta': "no field 'betta' (did you mean 'beta'?)",
  'config.steps = "1000"': "field steps = '1000': must be an integer",
  'config.hparams.beta = [1, 2]': (
    'field beta = [1, 2]: must be a number; several values: config.sweep = '
    'dj.product({...})'
  ),
  'config.methods = "beta_vae"': (
    "field methods = 'beta_vae': must be a list, with brackets around it"
  ),
  '{}["x"]': "KeyError: 'x'",
  'None.x': "AttributeError: 'NoneType' object has no attribute 'x'",
}


@pytest.mark.parametrize('line', LINES)
def test_lines_of_a_config_file(tmp_path, line):
  path = tmp_path / 'study.py'
  path.write_text(
    'import disentangle_jax as dj\n\n\ndef get_config():\n'
    f'  config = dj.base_config()\n  {line}\n  return config\n'
  )
  with pytest.raises(dj.ConfigError) as caught:
    configs.load(configs.find(str(path)))
  assert str(caught.value) == f'{path}:6: {LINES[line]}'


CODES = np.zeros((50, 2))
FACTORS = np.arange(100).reshape(50, 2) % 3
ARRAYS = {
  'an unknown metric': (
    lambda: metrics.evaluate(CODES, FACTORS, metrics=('mig',)),
    "unknown 'mig'",
  ),
  'other numbers of rows': (
    lambda: metrics.evaluate(CODES[:9], FACTORS, metrics=('mig_binned',)),
    '9',
  ),
  'codes of one axis': (
    lambda: metrics.evaluate(CODES[:, 0], FACTORS, metrics=('mig_binned',)),
    'codes',
  ),
  'codes that are text': (
    lambda: metrics.evaluate(
      np.full((50, 2), 'a'), FACTORS, metrics=('mig_binned',)
    ),
    'codes',
  ),
  'factors that are missing': (
    lambda: metrics.evaluate(
      CODES, np.where(FACTORS, np.nan, 1.0), metrics=('mig_binned',)
    ),
    'factors',
  ),
  'an unknown set': (lambda: data.load('dsprits'), "unknown 'dsprits'"),
  'an unknown option': (
    lambda: data.load('dsprites', colour=3),
    "unknown 'colour'",
  ),
  'an option out of range': (
    lambda: data.load('dsprites', scales=0),
    'scales = 0',
  ),
  'no run': (lambda: dj.load_run(TINY.parent / 'workdir_0_1', 77), '77'),
  'no config': (lambda: dj.sweep({}), r'must be one of base_config\(\)'),
  'no file': (lambda: dj.load_run('nowhere.safetensors'), 'nowhere'),
  'a folder and no number': (
    lambda: dj.load_run(TINY.parent / 'workdir_0_1'),
    'is a folder',
  ),
}


@pytest.mark.parametrize('name', ARRAYS)
def test_arrays_sets_and_runs(name):
  call, said = ARRAYS[name]
  with pytest.raises((dj.ConfigError, dj.StoreError)) as caught:
    call()
  check(str(caught.value), said)


def test_there_are_a_hundred():
  assert len(FLAGS) + len(TWICE) + len(PYTHON) + len(ARRAYS) >= 100
