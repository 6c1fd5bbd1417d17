"""The command that draws a run, on runs of every kind."""

import jax.numpy as jnp
import PIL.Image
import pytest
import test_explore

from disentangle_jax import errors, types
from disentangle_jax.commands import traverse

FEW = traverse.Options(steps=3, span='prior')


def files(folder):
  return sorted(path.name for path in folder.iterdir())


def test_sentences_are_printed(tmp_path, capsys):
  run = test_explore.text_run()
  traverse.draw(run, 'run_3', tmp_path, FEW)
  out = capsys.readouterr().out
  assert '\ntraversals\nz0' in out and '\nreconstructions\n0  observed' in out
  assert '<ball>' in out
  traverse.between(run, 'run_3', tmp_path, ('0', '1'), FEW)
  assert len(capsys.readouterr().out.splitlines()) == 5
  assert files(tmp_path) == []


def test_videos_are_films(tmp_path):
  shape = (3, 4, 4, 1)
  decode = lambda z: jnp.broadcast_to(
    z[:, 0].reshape(-1, 1, 1, 1, 1), (len(z), *shape)
  )
  codes = lambda x: types.Codes(x.reshape(len(x), -1)[:, :2], {})
  run = test_explore.fake_run(
    test_explore.fake_dataset('video', shape), codes, decode
  )
  both = traverse.Options(steps=3, film=('gif', 'webp'))
  traverse.draw(run, 'run_3', tmp_path, both)
  assert files(tmp_path) == [
    f'run_3_{sheet}.{kind}'
    for sheet in ('reconstructions', 'traversals')
    for kind in ('gif', 'png', 'webp')
  ]
  for name in ('run_3_reconstructions.gif', 'run_3_reconstructions.webp'):
    with PIL.Image.open(tmp_path / name) as film:
      assert film.n_frames == 3
  still = traverse.Options(steps=3, film=())
  traverse.between(run, 'path', tmp_path, ('0', '1'), still)
  assert [name for name in files(tmp_path) if name.startswith('path')] == [
    'path_between_0_1.png'
  ]


def test_pca_has_sheets_a_film_and_figures(tmp_path):
  run = test_explore.pca_run()
  traverse.draw(run, 'run_3', tmp_path, traverse.Options(steps=3))
  assert files(tmp_path) == [
    'run_3_reconstructions.png',
    'run_3_traversals.gif',
    'run_3_traversals.png',
  ]
  traverse.latents_of(run, 'run_3', tmp_path)
  assert 'run_3_histograms.png' in files(tmp_path)


def test_a_generator_is_drawn_and_refuses_what_needs_codes(tmp_path, capsys):
  run = test_explore.generator_run()
  traverse.draw(run, 'run_3', tmp_path, traverse.Options(steps=3, film=()))
  assert files(tmp_path) == ['run_3_generated.png', 'run_3_traversals.png']
  assert 'no encoder: around the centre' in capsys.readouterr().out
  with pytest.raises(errors.ConfigError, match='no encoder'):
    traverse.between(run, 'run_3', tmp_path, ('0', '1'), FEW)
  with pytest.raises(errors.ConfigError, match='needs an encoder'):
    traverse.latents_of(run, 'run_3', tmp_path)
