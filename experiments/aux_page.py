"""Tables and pictures of the auxiliary-task studies, as their pages show them.

  python -m experiments.aux_page --workdir=runs/aux_vae --out=docs/images

Prints the scores with and without the task and their difference, with 95 %
bootstrap intervals over seeds, per strength; where there are classes, also how
well they name every factor, on 4,000 draws. Writes for the first seed of either
setting, at the first strength:

  NAME_images.png    columns are images; rows: the image; what z_l is encoded
                     from; the reconstruction; that of the shuffled image, where
                     it is modelled; z_l redrawn; z_g redrawn.
  NAME_swap.png      above the line one z_g under many z_l, below it one z_l
                     under many z_g, all from the prior.
  NAME_clusters.png  where there are classes: the largest, one per row.
"""

import pathlib

from absl import flags
import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image

from disentangle_jax import errors, load_run
from disentangle_jax.commands import cli
from disentangle_jax.data import contact
from disentangle_jax.report import statistics, tables, traversals

_SWAP = ('classifier', 'reconstructed', 'local', 'global')
_SCORES = (*(f'swap_{name}' for name in _SWAP), 'clustering_accuracy')
_ON = 'auxiliary=True'
_COLUMNS = 12


def _interval(values: np.ndarray) -> str:
  low, high = statistics.bootstrap_interval([values])[0]
  return f'{np.mean(values):.3f} [{low:.3f}, {high:.3f}]'


def _difference(first: np.ndarray, second: np.ndarray) -> str:
  value, low, high = statistics.difference_interval(first, second)
  return f'{value:+.3f} [{low:+.3f}, {high:+.3f}]'


def print_table(study: tables.Study) -> None:
  """Markdown: a row per strength and score."""
  print('| beta | score | with the task | without | difference |')
  print('|---' * 5 + '|')
  columns = {name: (name, shown) for name, shown in study.scores.columns}
  task = study.runs['variant'].str.contains(_ON).to_numpy()
  strengths = study.runs['strength'].to_numpy()
  for strength in sorted(set(strengths)):
    for name in (n for n in _SCORES if n in columns):
      values = study.scores[columns[name]].to_numpy()
      here = strengths == strength
      on, off = values[task & here], values[~task & here]
      cells = (_interval(on), _interval(off), _difference(on, off))
      print(f'| {strength:g} | {name} | {" | ".join(cells)} |')


def print_factors(study: tables.Study, runs: dict) -> None:
  """Markdown: accuracy of the classes of `runs` against every factor."""
  task = study.runs['variant'].str.contains(_ON).to_numpy()
  found = np.stack([_named(run) for run in runs.values()])
  dataset = next(iter(runs.values())).dataset
  print(
    '\n| factor | one value in | with the task | without |\n|---|---|---|---|'
  )
  for k, name in enumerate(dataset.factor_names):
    cells = (_interval(found[task, k]), _interval(found[~task, k]))
    print(f'| {name} | {dataset.factor_sizes[k]} | {" | ".join(cells)} |')


def _named(run, count: int = 4000) -> list[float]:
  """Share of draws with the most frequent value of their class, per factor."""
  batch = run.sample(count, seed=9)
  logits = run.represent(batch['observation']).parts['class_logits']
  chosen, factors = np.asarray(logits).argmax(1), np.asarray(batch['factors'])
  most = lambda k, c: np.bincount(factors[chosen == c, k]).max()
  numbers = range(factors.shape[1])
  return [sum(most(k, c) for c in set(chosen)) / count for k in numbers]


def sheets(run) -> dict[str, np.ndarray]:
  """The pictures of one run, uint8 [H, W, 3] each."""
  state, extras = run.state, run.method.extras
  shown = run.sample(_COLUMNS, seed=1)['observation']
  vector = run.represent(shown).vector
  swap = lambda group, key, v: run.decode(
    extras[f'resample_{group}'](jax.random.key(key), state, v)
  )
  rows = [shown, extras['local_view'](state, shown), run.decode(vector)]
  if 'decode_local' in extras:
    rows.append(extras['decode_local'](state, vector))
  rows += [swap('local', 3, vector), swap('global', 4, vector)]
  start = extras['resample_global'](jax.random.key(5), state, vector[:1])
  start = extras['resample_local'](jax.random.key(6), state, start)
  many = jnp.repeat(start, 2 * _COLUMNS, axis=0)
  halves = (_tile(swap('local', 7, many)), _tile(swap('global', 8, many)))
  line = np.zeros((4, halves[0].shape[1], 3), np.uint8)
  swapped = np.concatenate([halves[0], line, halves[1]])
  found = {'images': _tile(jnp.concatenate(rows)), 'swap': swapped}
  if 'class_logits' in run.represent(shown).parts:
    found['clusters'] = clusters(run)
  return found


def clusters(run, count: int = 600) -> np.ndarray:
  """Images of the ten largest clusters in use, a row each, largest first."""
  images = np.asarray(run.sample(count, seed=2)['observation'])
  logits = np.asarray(run.represent(images).parts['class_logits'])
  chosen = logits.argmax(1)
  sizes = np.bincount(chosen, minlength=logits.shape[1])
  rows = []
  for cluster in np.argsort(-sizes)[: min(10, np.sum(sizes > 0))]:
    members = images[chosen == cluster][:_COLUMNS]
    blank = np.full((_COLUMNS - len(members), *images.shape[1:]), 0.5)
    rows.append(np.concatenate([members, blank]))
  return _tile(np.concatenate(rows))


def _tile(images) -> np.ndarray:
  return contact.tile(traversals.enlarge(contact.to_uint8(images)), _COLUMNS)


def main(argv):
  """See the module docstring."""
  del argv
  if not flags.FLAGS.workdir:
    raise errors.ConfigError('--workdir is missing')
  study = tables.load([flags.FLAGS.workdir])
  print_table(study)
  numbers = study.runs['run_number']
  runs = {int(n): load_run(flags.FLAGS.workdir, int(n)) for n in numbers}
  if 'clustering_accuracy' in {name for name, _ in study.scores.columns}:
    print_factors(study, runs)
  out = pathlib.Path(flags.FLAGS.out or f'{flags.FLAGS.workdir}/figures')
  out.mkdir(parents=True, exist_ok=True)
  for variant, rows in study.runs.groupby('variant', sort=False):
    run = runs[int(rows['run_number'].min())]
    task = 'task' if _ON in variant else 'no_task'
    for kind, page in sheets(run).items():
      path = out / f'{run.about["method"]}_{task}_{kind}.png'
      PIL.Image.fromarray(page).quantize(256).save(path, optimize=True)
      print(path)


if __name__ == '__main__':
  flags.DEFINE_string('workdir', None, 'Directory of a sweep.')
  flags.DEFINE_string('out', None, 'Where pictures go; DIR/figures.')
  cli.run(main)
