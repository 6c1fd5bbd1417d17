"""Draws what a trained run has learnt, from its parameters.

  python -m experiments.traverse --workdir=DIR --run=17
  python -m experiments.traverse --workdir=DIR --run=17 --around=prior
  python -m experiments.traverse --workdir=DIR --run=17 --between=3,8
  python -m experiments.traverse --workdir=DIR --run=16-20 --seeds
  python -m experiments.traverse --workdir=DIR --run=17 --latents
  python -m experiments.traverse --params=RUN_ID.safetensors --out=figures

--latents draws what the codes say about the factors: mutual information, lasso
importances as a Hinton diagram, responses to every factor, and the aggregate
posterior against the prior.

Observations are numbered draws of the run's data set. Files go to DIR/figures,
or to --out; their paths are printed.
"""

import pathlib

from absl import flags
import numpy as np
import PIL.Image

from disentangle_jax import errors, load_run
from disentangle_jax.commands import cli

_WORKDIR = flags.DEFINE_string('workdir', None, 'Directory of a sweep.')
_RUN = flags.DEFINE_string('run', None, "Run number, or '16-20' with --seeds.")
_PARAMS = flags.DEFINE_string('params', None, 'An exported run instead.')
_OUT = flags.DEFINE_string('out', None, 'Where files go; DIR/figures if unset.')
_AROUND = flags.DEFINE_string(
  'around', '0', "Number of an observation, or 'prior' for the prior's centre."
)
_SPAN = flags.DEFINE_string(
  'span', 'posterior', "Range by the 'posterior' of each latent or the 'prior'."
)
_WIDTH = flags.DEFINE_float('width', 2.0, 'Half the range, in deviations.')
_STEPS = flags.DEFINE_integer('steps', 9, 'Images per latent.')
_FILM = flags.DEFINE_list('film', ['gif'], 'Moving files: gif, webp or none.')
_BETWEEN = flags.DEFINE_list(
  'between', [], 'Two observations: images on the line between their codes.'
)
_SEEDS = flags.DEFINE_bool(
  'seeds', False, 'Several runs in one sheet: a row per run.'
)


_LATENTS = flags.DEFINE_bool(
  'latents', False, 'Codes against factors: four figures, PNG and SVG.'
)


def _numbers(text: str, flag: str) -> list[int]:
  first, dash, last = text.partition('-')
  try:
    low, high = int(first), int(last if dash else first)
  except ValueError:
    low, high = 0, -1
  if not 0 <= low <= high:
    raise errors.value(flag, text, "must be a number or a range like '16-20'")
  return list(range(low, high + 1))


def _observation(run, text: str, flag: str) -> np.ndarray:
  number = _numbers(text, flag)[0]
  return np.asarray(run.sample(number + 1)['observation'][number])


def _runs():
  if _PARAMS.value:
    return [(pathlib.Path(_PARAMS.value).stem, load_run(_PARAMS.value))]
  if not _WORKDIR.value or _RUN.value is None:
    raise errors.ConfigError(
      '--workdir and --run are missing, e.g. --workdir=runs/quickstart --run=17'
    )
  numbers = _numbers(_RUN.value, '--run')
  if len(numbers) > 1 and not _SEEDS.value:
    raise errors.value('--run', _RUN.value, 'several runs need --seeds')
  return [(f'run_{n}', load_run(_WORKDIR.value, n)) for n in numbers]


def _draw_latents(run, name: str, out: pathlib.Path) -> None:
  from disentangle_jax.report import gallery, latents, style

  if run.method.represent is None or not run.dataset.factor_sizes:
    raise errors.value('--latents', name, 'needs an encoder and factors')
  with style.use():
    for kind, figure in latents.draw(latents.table_of(run)).items():
      gallery.save(figure, out, f'{name}_{kind}')
      print(out / f'{name}_{kind}.png')


def _write(path: pathlib.Path, image: np.ndarray) -> None:
  PIL.Image.fromarray(image).save(path)
  print(path)


def main(argv):
  """See the module docstring."""
  from disentangle_jax.report import explore, traversals

  if len(argv) > 1:
    raise errors.ConfigError(f'unexpected argument {argv[1]!r}')
  for kind in _FILM.value:
    if kind not in ('gif', 'webp', 'none'):
      raise errors.choices('--film', kind, ('gif', 'webp', 'none'))
  if _BETWEEN.value and len(_BETWEEN.value) != 2:
    raise errors.value('--between', ','.join(_BETWEEN.value), 'must be two')
  runs = _runs()
  out = pathlib.Path(
    _OUT.value or (pathlib.Path(_WORKDIR.value or '.') / 'figures')
  )
  out.mkdir(parents=True, exist_ok=True)
  name, run = runs[0]
  if _SEEDS.value:
    observation = _observation(run, _AROUND.value, '--around')
    sheet = explore.seed_sheet([r for _, r in runs], observation, _WIDTH.value)
    _write(out / f'runs_{_RUN.value}_latents.png', sheet)
    return
  if _LATENTS.value:
    _draw_latents(run, name, out)
    return
  if _BETWEEN.value:
    first, last = (_observation(run, t, '--between') for t in _BETWEEN.value)
    path = explore.interpolation(run, first, last, _STEPS.value)
    ends = '_'.join(_BETWEEN.value)
    _write(out / f'{name}_between_{ends}.png', traversals.grid(path[None]))
    return
  centre = None
  if _AROUND.value != 'prior':
    if run.method.represent is None:
      print(f'{name} has no encoder: around the centre of the prior')
    else:
      centre = _observation(run, _AROUND.value, '--around')
  drawn = explore.samples(run, centre, _STEPS.value, _WIDTH.value, _SPAN.value)
  _write(out / f'{name}_traversals.png', traversals.traversal_sheet(drawn))
  if drawn.observations.size:
    sheet = traversals.reconstruction_sheet(drawn)
    _write(out / f'{name}_reconstructions.png', sheet)
  for kind in _FILM.value:
    if kind != 'none':
      path = out / f'{name}_traversals.{kind}'
      explore.save_film(explore.frames(drawn), path)
      print(path)


if __name__ == '__main__':
  cli.run(main)
