"""Local and global information: claims, table and pictures.

`aux_gmvae/page.py` takes most of this for its own method.
"""

from collections.abc import Iterator, Mapping

import matplotlib.figure
import numpy as np
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  figures,
  statistics,
  summaries,
  tables,
)
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard, Within
from disentangle_jax.report.section import Section

PAPER = 'Explicit information placement (anonymous, 2018)'
# What the sweep says of a run -> what it is called, and in names of files.
TASKS = {
  'True': ('with the task', 'task'),
  'False': ('without', 'no_task'),
  '': ('all runs', 'runs'),
}
_SWAP = ('classifier', 'reconstructed', 'local', 'global')
SCORES = (*(f'swap_{name}' for name in _SWAP), 'clustering_accuracy')
_COLUMNS = 12  # images in a row
_DOTS = 160  # per inch, as files of figures have: pixels stay as they are
_GUARDS = (
  Guard('swap_classifier', low=0.9, reason='the judge must know the digits'),
  Guard(
    'swap_reconstructed',
    low=0.3,
    reason='reconstructions must show the digit at all',
  ),
)


def kinds(study: tables.Study) -> dict[str, np.ndarray]:
  """Key of TASKS -> which runs, bool [runs]; those without runs are out."""
  mine = {
    task: claims_lib.runs_of(study, Arm('', {'variant.auxiliary': task}))
    for task in TASKS
  }
  return {task: runs for task, runs in mine.items() if runs.any()}


def arm(study: tables.Study, method: str, task: str) -> Arm:
  """The runs of a task at the least beta of the study.

  The greater ones are for pictures: with few nats left nothing is named right.
  """
  where = {'method': method, 'variant.auxiliary': task}
  strengths = study.runs['strength'].dropna()
  if len(strengths):
    where['strength'] = float(strengths.min())
  return Arm(TASKS[task][0], where)


def _kept(study: tables.Study) -> np.ndarray:
  """Accuracy with z_l redrawn less that with z_g redrawn, one per run."""
  local = claims_lib.values_of(study, 'swap_local')
  whole = claims_lib.values_of(study, 'swap_global')
  return local - whole


def swap_claims(study: tables.Study, method: str) -> tuple[Claim, ...]:
  """Where the digit is, for either method."""
  task, without = (arm(study, method, name) for name in ('True', 'False'))
  return (
    Claim(
      statement='With the task, redrawing z_l keeps the digit and redrawing '
      f'z_g loses it ({method}: accuracy of the first less the second).',
      source=f'{PAPER}, section 3.1',
      published='0.80 against 0.11 (SVHN)',
      arms=(task,),
      score=_kept,
      rule=Within('higher'),
      guards=_GUARDS,
    ),
    Claim(
      statement='The task is what keeps the digit out of z_l '
      f'({method}: accuracy with z_l redrawn, with the task less without).',
      source=f'{PAPER}, section 3.1; the comparison is ours',
      published='0.80 with the task; no number without',
      arms=(task, without),
      score='swap_local',
      rule=Difference('higher'),
      guards=_GUARDS,
    ),
    Claim(
      statement='The task is what gathers the digit in z_g '
      f'({method}: accuracy with z_g redrawn, with the task less without).',
      source=f'{PAPER}, section 3.1; the comparison is ours',
      published='0.11 with the task, chance 0.10; no number without',
      arms=(task, without),
      score='swap_global',
      rule=Difference('lower'),
      guards=_GUARDS,
    ),
  )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper says of the digit in either group of latents."""
  return swap_claims(study, 'aux_vae')


def scores_table(study: tables.Study) -> pd.DataFrame:
  """A row per strength and score: every task, and their paired difference."""
  places = {name: i for i, (name, _) in enumerate(study.scores.columns)}
  runs, rows = study.runs, []
  for strength in sorted(set(runs['strength'])):
    here = (runs['strength'] == strength).to_numpy() | np.isnan(strength)
    for name in (name for name in SCORES if name in places):
      values = study.scores.iloc[:, places[name]].to_numpy()
      row, by_seed = {'beta': f'{strength:g}', 'score': name}, {}
      for task, mine in kinds(study).items():
        label = TASKS[task][0]
        own = pd.Series(values[mine & here], runs['seed'][mine & here])
        row[label] = summaries.mean_with_interval(own.to_numpy())
        by_seed[task] = own.groupby(level=0).mean()
      if {'True', 'False'} <= set(by_seed):
        on, off = by_seed['True'].align(by_seed['False'], join='inner')
        difference = statistics.paired_interval(on.to_numpy(), off.to_numpy())
        row['difference'] = summaries.with_interval(*difference, signed=True)
      rows.append(row)
  return pd.DataFrame(rows)


def runs_at_least_beta(study: tables.Study, task: str) -> pd.DataFrame:
  """Rows of `study.runs` of a task that pictures may be made of, by seed.

  Those of the first workdir at the least strength.
  """
  mine = study.runs[kinds(study)[task] & (study.runs['workdir'] == 0)]
  at_least = mine['strength'] == mine['strength'].min()
  return mine[at_least | mine['strength'].isna()].sort_values('seed')


def first_runs(study: tables.Study) -> dict[str, object]:
  """Key of TASKS -> its first seed, trained; {} where one is not there."""
  # Models are loaded for pictures alone.
  from disentangle_jax import load_run

  runs = {}
  for task in kinds(study):
    rows = runs_at_least_beta(study, task)
    try:
      for number in rows['run_number'].iloc[:1]:
        runs[task] = load_run(study.workdirs[0], int(number))
    except (errors.ConfigError, errors.StoreError):
      return {}
  return runs


def sheets(run) -> dict[str, np.ndarray]:
  """The pictures of one trained run, uint8 [H, W, 3] each.

  'images': columns are images; rows: the image; what z_l is encoded from; the
  reconstruction; that of the shuffled image, where it is modelled; z_l redrawn;
  z_g redrawn. 'swap': above the line one z_g under many z_l, below it one z_l
  under many z_g, all from the prior.
  """
  import jax
  import jax.numpy as jnp

  state, extras = run.state, run.method.extras
  observations = run.sample(_COLUMNS, seed=1)['observation']
  vector = run.represent(observations).vector
  swap = lambda group, key, v: run.decode(
    extras[f'resample_{group}'](jax.random.key(key), state, v)
  )
  rows = [
    observations,
    extras['local_view'](state, observations),
    run.decode(vector),
  ]
  if 'decode_local' in extras:
    rows.append(extras['decode_local'](state, vector))
  rows += [swap('local', 3, vector), swap('global', 4, vector)]
  start = extras['resample_global'](jax.random.key(5), state, vector[:1])
  start = extras['resample_local'](jax.random.key(6), state, start)
  many = jnp.repeat(start, 2 * _COLUMNS, axis=0)
  halves = (tile(swap('local', 7, many)), tile(swap('global', 8, many)))
  line = np.zeros((4, halves[0].shape[1], 3), np.uint8)
  swapped = np.concatenate([halves[0], line, halves[1]])
  return {'images': tile(jnp.concatenate(rows)), 'swap': swapped}


def tile(images) -> np.ndarray:
  """Images float [N, H, W, C] in rows of _COLUMNS, uint8 [height, width, 3]."""
  from disentangle_jax.data import contact
  from disentangle_jax.report import traversals

  return contact.tile(traversals.enlarge(contact.to_uint8(images)), _COLUMNS)


def figure_of(sheet: np.ndarray) -> matplotlib.figure.Figure:
  """A sheet uint8 [H, W, 3] as a figure with a dot per pixel in files."""
  height, width = (size / _DOTS for size in sheet.shape[:2])
  figure = figures.empty(width, height, layout='none')
  axes = figure.add_axes((0, 0, 1, 1))
  axes.imshow(sheet, interpolation='nearest')
  axes.set_axis_off()
  return figure


_READ = {
  'images': 'Rows: images; what z_l is encoded from; reconstructions; the '
  'reconstruction of the shuffled image from z_l, where it is modelled; z_l '
  'redrawn; z_g redrawn.',
  'swap': 'Above the line one z_g under many z_l, below it one z_l under many '
  'z_g, all drawn from the prior.',
}


def picture_sections(
  method: str, runs: Mapping[str, object]
) -> Iterator[Section]:
  """The pictures of every task's first seed.

  Args:
    method: begins their names.
    runs: as from `first_runs`.
  """
  for task, run in runs.items():
    label, stem = TASKS[task]
    for kind, sheet in sheets(run).items():
      yield Section(
        f'{method}_{stem}_{kind}',
        f'{kind.capitalize()}, {label}',
        f'First seed, least beta. {_READ[kind]}',
        figure_of(sheet),
      )


def table_section(study: tables.Study, method: str) -> Iterator[Section]:
  """The scores of either task, none where the study has none of them."""
  table = scores_table(study)
  if len(table):
    yield Section(
      f'{method}_scores',
      'Who names the digit right',
      'Share of images that a classifier names right: of the data, '
      'reconstructed, with z_l redrawn, with z_g redrawn; mean over seeds with '
      '95 % intervals, differences paired over seeds.',
      table,
    )


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores with and without the task, and pictures of the first seeds."""
  yield from table_section(study, 'aux_vae')
  yield from picture_sections('aux_vae', first_runs(study))
