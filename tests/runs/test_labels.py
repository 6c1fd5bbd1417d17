"""What runs are called in a sheet, and the whole command on known codes."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, types
from disentangle_jax.commands import traverse
from disentangle_jax.report import display
from disentangle_jax.runs import labels, trained

SHAPE = (8, 8, 1)


def run_of(method='beta_vae', seed=0, **hparams):
  """A run whose first latent is where a sprite stands, its second nothing."""
  dataset = data.load(
    'dsprites', resolution=8, scales=1, orientations=1, positions=4
  )

  def represent(state, x):
    del state
    across = jnp.arange(8.0)
    place = (x.sum((1, 3)) * across).sum(1) / (x.sum((1, 2, 3)) + 1e-3)
    mean = jnp.stack([place, 0 * place], axis=-1)
    logvar = jnp.broadcast_to(jnp.log(jnp.array([0.01, 1.0])), mean.shape)
    return types.Codes(mean, {'mean': mean, 'logvar': logvar})

  def decode(state, z):
    del state
    near = jnp.exp(-((jnp.arange(8.0) - z[:, :1]) ** 2))
    return jnp.broadcast_to(near[:, None, :, None], (len(z), *SHAPE))

  return trained.TrainedRun(
    types.Method(None, None, represent, decode),
    dataset,
    (),
    {'method': method, 'seed': seed, 'hparams': hparams},
  )


def test_runs_of_one_setting_differ_in_their_seed():
  runs = [run_of(seed=n, beta=4.0, learning_rate=1e-4) for n in (0, 3)]
  title, apart = labels.of(runs, display.Names({'beta_vae': 'Ours'}))
  assert title == 'Ours, $\\beta$ = 4, dSprites'
  assert apart == ['seed 0', 'seed 3']


def test_what_not_all_share_is_told_of_each():
  runs = [
    run_of(beta=1.0, learning_rate=1e-4),
    run_of(beta=4.0, learning_rate=1e-4),
    run_of('factor_vae', gamma=10.0, learning_rate=1e-4),
  ]
  title, apart = labels.of(runs[:2], display.Names())
  assert title == '$\\beta$-VAE, dSprites'
  assert apart == ['$\\beta$ = 1\nseed 0', '$\\beta$ = 4\nseed 0']
  title, apart = labels.of(runs, display.Names())
  assert title == 'dSprites'
  assert apart[2] == 'FactorVAE\n$\\gamma$ = 10\nseed 0'


def test_a_latent_names_the_factor_it_tells_of():
  run = run_of(beta=1.0)
  assert labels.factors(run, np.array([3.0, 0.0])) == ('position x', '')
  # Where no KL is known, codes alone decide; a KL of nothing tells nothing.
  assert labels.factors(run, np.full(2, np.nan))[0] == 'position x'
  assert labels.factors(run, np.zeros(2)) == ('', '')


def test_the_command_writes_labelled_files(tmp_path, capsys):
  runs = [run_of(seed=n, beta=4.0) for n in range(3)]
  options = traverse.Options()
  traverse.seeds_of(runs, 'sheet', tmp_path, options, 'column')
  printed = capsys.readouterr().out.split()
  assert [path.rpartition('.')[2] for path in printed] == ['pdf', 'svg', 'png']
  svg = (tmp_path / 'sheet.svg').read_text()
  said = re.findall('>([^<>]+)</', svg)
  assert {'seed 0', 'seed 1', 'seed 2', 'position x'} <= set(said)
  with pytest.raises(errors.ConfigError, match='--print'):
    traverse.seeds_of(runs, 'sheet', tmp_path, options, 'page')
