"""Draws what a trained run has learnt, from its parameters.

  python -m experiments.traverse --workdir=DIR --run=17
  python -m experiments.traverse --workdir=DIR --run=17 --around=prior
  python -m experiments.traverse --workdir=DIR --run=17 --between=3,8
  python -m experiments.traverse --workdir=DIR --run=16-20 --seeds
  python -m experiments.traverse --workdir=DIR --run=17 --latents
  python -m experiments.traverse --workdir=DIR --run=16-20 --seeds --print=text
  python -m experiments.traverse --params=RUN_ID.safetensors --out=figures

Images, films of videos, layers of solids and strips of vectors go to
DIR/figures (to figures here, where DIR is the address of a bucket), or to
--out; their paths are printed. Sentences are printed. Observations are numbered
draws of the run's data set.

--seeds draws several runs for print (PDF, SVG, PNG at 300 dpi), a row each:
method, setting and seed beside it, above each latent its KL and the factor that
it tells most of.

--latents draws what the codes say about the factors: mutual information, lasso
importances as a Hinton diagram, responses to every factor, and the aggregate
posterior against the prior.
"""

from collections.abc import Sequence
import dataclasses
import pathlib

from absl import flags
import numpy as np
import PIL.Image

from disentangle_jax import errors, folders, load_run, storage
from disentangle_jax.commands import cli
from disentangle_jax.runs import trained

_FILMS = ('gif', 'webp', 'none')


@dataclasses.dataclass(frozen=True)
class Options:
  """How to draw.

  Attributes:
    around: number of an observation, or 'prior' for the prior's centre.
    span: range by the 'posterior' of each latent or by the 'prior'.
    width: half the range, in deviations.
    steps: values per latent.
    film: moving files to write, of 'gif' and 'webp'.
  """

  around: str = '0'
  span: str = 'posterior'
  width: float = 2.0
  steps: int = 9
  film: tuple[str, ...] = ('gif',)


def _numbers(text: str, flag: str) -> list[int]:
  first, dash, last = text.partition('-')
  try:
    low, high = int(first), int(last if dash else first)
  except ValueError:
    low, high = 0, -1
  if not 0 <= low <= high:
    raise errors.value(flag, text, "must be a number or a range like '16-20'")
  return list(range(low, high + 1))


def _observation(run: trained.TrainedRun, text: str, flag: str) -> np.ndarray:
  number = _numbers(text, flag)[0]
  return np.asarray(run.sample(number + 1)['observation'][number])


def _write(
  path: pathlib.Path, frames: np.ndarray, film: tuple[str, ...]
) -> None:
  """A picture; of a film the middle frame, and the film beside it."""
  from disentangle_jax.report import films, traversals

  path.parent.mkdir(parents=True, exist_ok=True)
  PIL.Image.fromarray(traversals.still(frames)).save(path)
  print(path)
  for kind in film if len(frames) > 1 else ():
    films.save(frames, path.with_suffix(f'.{kind}'))
    print(path.with_suffix(f'.{kind}'))


def draw(
  run: trained.TrainedRun, name: str, out: pathlib.Path, options: Options
) -> None:
  """All that one run can show: files, sentences printed.

  Raises:
    ConfigError: nothing to show, or options out of range.
  """
  from disentangle_jax.report import films, gallery, sheets, words
  from disentangle_jax.runs import explore

  centre = None
  if options.around != 'prior':
    if run.method.represent is not None:
      centre = _observation(run, options.around, '--around')
    elif run.method.decode is not None:
      print(f'{name} has no encoder: around the centre of the prior')
  drawn = explore.samples(
    run, centre, options.steps, options.width, options.span
  )
  for sheet in sheets.of_run(drawn):
    if len(sheet.frames):
      path = out / f'{gallery.stem(f"{name}_{sheet.name}")}.png'
      _write(path, sheet.frames, options.film)
    else:
      print(f'\n{sheet.heading}\n{words.to_text(sheet.lines)}')
  if not drawn.traversals.size or drawn.kind in ('tokens', 'video'):
    return  # a video's sheet is a film already
  for kind in options.film:
    path = out / f'{name}_traversals.{kind}'
    films.save(explore.frames(drawn), path, seconds=2.0)
    print(path)


def between(
  run: trained.TrainedRun,
  name: str,
  out: pathlib.Path,
  ends: tuple[str, str],
  options: Options,
) -> None:
  """A path between two observations: a row, or one sentence a line.

  Raises:
    ConfigError: no encoder, no decoder, or no such observation.
  """
  from disentangle_jax.report import traversals, words
  from disentangle_jax.runs import explore

  first, last = (_observation(run, text, '--between') for text in ends)
  path = explore.interpolation(run, first, last, options.steps)
  kind = run.dataset.kind
  if kind == 'tokens':
    vocabulary = run.dataset.extras.get('vocabulary', ())
    print(words.to_text(words.plain(path, vocabulary)))
    return
  span = traversals.span_of(path) if kind == 'vector' else (0.0, 1.0)
  frames = traversals.lay_out(path[None], kind, span=span)
  file = out / f'{name}_between_{"_".join(ends)}.png'
  _write(file, frames, options.film)


def latents_of(run: trained.TrainedRun, name: str, out: pathlib.Path) -> None:
  """Codes against factors, four figures as PNG and SVG.

  Raises:
    ConfigError: no encoder, or a data set without factors.
  """
  from disentangle_jax.report import gallery, style
  from disentangle_jax.runs import latents

  if run.method.represent is None or not run.dataset.factor_sizes:
    raise errors.value('--latents', name, 'needs an encoder and factors')
  with style.use():
    for kind, figure in latents.draw(latents.table_of(run)).items():
      gallery.save(figure, out, f'{name}_{kind}')
      print(out / f'{name}_{kind}.png')


def seeds_of(
  runs: Sequence[trained.TrainedRun],
  name: str,
  out: pathlib.Path,
  options: Options,
  width: str,
  workdir: pathlib.Path | None = None,
) -> None:
  """Runs side by side, labelled: PDF, SVG and PNG, and a film of videos.

  Args:
    runs: on one data set.
    name: of the files, without their ending.
    out: their folder.
    options: how to draw.
    width: a key of `printed.WIDTHS`.
    workdir: whose config may override names; None for an exported run.

  Raises:
    ConfigError: a run without encoder or of tokens, no such observation or
      width.
  """
  from disentangle_jax.report import (
    display,
    films,
    printed,
    seed_sheets,
    stored,
  )
  from disentangle_jax.runs import explore, labels

  wide = printed.inches(width, '--print')
  observation = _observation(runs[0], options.around, '--around')
  samples = explore.seed_samples(runs, observation, options.width)
  names = display.of([stored.info(workdir)[0]] if workdir else [])
  title, apart = labels.of(runs, names)
  seeds = [
    seed_sheets.Seed(own, drawn, labels.factors(run, drawn.kl))
    for own, drawn, run in zip(apart, samples, runs)
  ]
  with printed.use():
    figure = seed_sheets.of_runs(seeds, title, wide)
    for path in printed.save(figure, out, name):
      print(path)
  if samples[0].kind == 'video':
    for kind in options.film:
      films.save(explore.seed_sheet(samples), out / f'{name}.{kind}')
      print(out / f'{name}.{kind}')


def _runs(number: str | None, several: bool):
  given = flags.FLAGS
  if given.params:
    return [(pathlib.Path(given.params).stem, load_run(given.params))]
  if not given.workdir or number is None:
    raise errors.ConfigError(
      '--workdir and --run are missing, e.g. --workdir=runs/quickstart --run=17'
    )
  one = '-' not in number
  chosen = [number] if one else _numbers(number, '--run')
  if len(chosen) > 1 and not several:
    raise errors.value('--run', number, 'several runs need --seeds')
  runs = [load_run(given.workdir, run) for run in chosen]
  # Files carry the run_id: numbers move when seeds are added.
  return [
    (f'run_{run_of}_{run.about["run_id"][:6]}', run)
    for run_of, run in zip(chosen, runs)
  ]


def main(argv):
  """See the module docstring."""
  given = flags.FLAGS
  cli.no_words(argv)
  for kind in given.film:
    if kind not in _FILMS:
      raise errors.choices('--film', kind, _FILMS)
  if given.between and len(given.between) != 2:
    raise errors.value('--between', ','.join(given.between), 'must be two')
  runs = _runs(given.run, given.seeds)
  # Pictures are for looking at: those of a bucket stay here, too.
  root = folders.workdir(given.workdir or '.')
  here = pathlib.Path('.') if storage.is_bucket(root) else root
  out = pathlib.Path(given.out) if given.out else folders.figures(here)
  options = Options(
    around=given.around,
    span=given.span,
    width=given.width,
    steps=given.steps,
    film=tuple(kind for kind in given.film if kind != 'none'),
  )
  name, run = runs[0]
  if given.seeds:
    stem = f'runs_{given.run}_latents' if given.workdir else f'{name}_latents'
    own = root if given.workdir else None
    seeds_of([r for _, r in runs], stem, out, options, given.print, own)
  elif given.latents:
    latents_of(run, name, out)
  elif given.between:
    between(run, name, out, tuple(given.between), options)
  else:
    draw(run, name, out, options)


def _define_flags() -> None:
  flags.DEFINE_string('workdir', None, 'Directory of a sweep.')
  flags.DEFINE_string(
    'run',
    None,
    "Run number or the beginning of a run_id; '16-20' with --seeds.",
  )
  flags.DEFINE_string('params', None, 'An exported run instead.')
  flags.DEFINE_string(
    'out', None, 'Where files go; DIR/figures if unset, of a bucket figures.'
  )
  flags.DEFINE_string(
    'around', '0', "Number of an observation, or 'prior' for its centre."
  )
  flags.DEFINE_string(
    'span', 'posterior', "Range by a latent's 'posterior' or by the 'prior'."
  )
  flags.DEFINE_float('width', 2.0, 'Half the range, in deviations.')
  flags.DEFINE_integer('steps', 9, 'Values per latent.')
  flags.DEFINE_list('film', ['gif'], 'Moving files: gif, webp or none.')
  flags.DEFINE_list(
    'between', [], 'Two observations: what lies between their codes.'
  )
  flags.DEFINE_bool('seeds', False, 'Several runs in one sheet: a row per run.')
  flags.DEFINE_string(
    'print', 'text', 'Width of that sheet: column (3.25 in) or text (6.75 in).'
  )
  flags.DEFINE_bool(
    'latents', False, 'Codes against factors: four figures, PNG and SVG.'
  )


def run() -> None:
  """The command itself."""
  _define_flags()
  cli.run(main, __doc__)
