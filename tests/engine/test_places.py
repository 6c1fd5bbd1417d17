"""Folders and consoles as users have them; what fails late loses no rows."""

import sys
import types

import numpy as np
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders
from disentangle_jax.engine import progress
from disentangle_jax.engine.plan import planning
from disentangle_jax.engine.programs import train
from disentangle_jax.engine.workdir import exported, store


class Lines(progress.Progress):
  """Keeps what is said."""

  def __init__(self):
    super().__init__()
    self.lines = []

  def say(self, text):
    self.lines.append(text)


def small():
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1.0]})
  config.seeds, config.metrics = 1, ('kl',)
  return config


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  monkeypatch.chdir(tmp_path)
  assert folders.workdir('~/x') == tmp_path / 'x'
  dj.sweep(small(), '~/x')
  assert not (tmp_path / '~').exists()
  assert len(store.read(tmp_path / 'x'))
  assert list((tmp_path / 'x' / 'params').iterdir())


@pytest.mark.parametrize(
  ('address', 'said'),
  [
    (
      'https://a/b',
      'is an address of https://, which cannot be written; legal',
    ),
    ('s3://', 'is an address without a bucket; legal: a folder, s3://BUCKET'),
    ('gs://bucket/x', 'needs .*: pip install universal_pathlib gcsfs'),
  ],
)
def test_addresses_are_refused_before_anything_is_compiled(
  address, said, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(train, 'compile_group', None)
  monkeypatch.setitem(sys.modules, 'upath', None)
  with pytest.raises(dj.StoreError, match=said) as caught:
    dj.sweep(small(), address)
  assert '\n' not in str(caught.value)
  assert not list(tmp_path.iterdir())


def test_pictures_and_trackers_that_fail_lose_no_rows(tmp_path, monkeypatch):
  def broken(*args, **kwargs):
    raise RuntimeError('no pen')

  monkeypatch.setattr(exported, 'write_pictures', broken)
  fake = types.SimpleNamespace(SummaryWriter=broken)
  monkeypatch.setitem(sys.modules, 'tensorboardX', fake)
  told, config = Lines(), small()
  config.engine.tensorboard = True
  rows = dj.sweep(config, tmp_path, progress=told)
  assert len(rows) and len(list((tmp_path / 'params').iterdir())) == 1
  notes = [line for line in told.lines if 'no pen' in line]
  assert len(notes) == 2 and 'pictures of beta_vae left out' in notes[1]


def test_seeds_that_move_numbers_say_so_and_handles_stay(tmp_path):
  config = small()
  config.sweep = dj.product({'hparams.beta': [1.0, 4.0]})
  first = dj.sweep(config, tmp_path).drop_duplicates('run_id')
  last = first.loc[first['run_number'] == 1, 'run_id'].item()
  config.seeds = 2
  told = Lines()
  dj.sweep(config, tmp_path, progress=told)
  (note,) = [line for line in told.lines if 'moved' in line]
  assert f'1 is now 2 ({last[:6]})' in note
  config.only = last[:8]
  (run,) = planning.only(planning.make(config)).runs
  assert run.run_id == last and run.number == 2
  config.only = f'0,{last[:8]},1-3'
  assert len(planning.only(planning.make(config)).runs) == 4


def test_what_was_read_is_said(tmp_path):
  from disentangle_jax.data import stream

  images = np.random.default_rng(0).random((24, 8, 8)) < 0.5
  data = stream.stream(images, name='mine')
  data = data._replace(extras={**data.extras, 'summary': '24 images read'})
  config = small()
  config.dataset = {'name': 'mine'}
  told = Lines()
  dj.sweep(config, tmp_path, datasets={'mine': data}, progress=told)
  assert told.lines.count('24 images read') == 1
