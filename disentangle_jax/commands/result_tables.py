"""Scores of a finished sweep as Markdown, with 95 % intervals over seeds.

  python -m experiments.tables --workdir=runs/study --scores=mig_binned,kl
  python -m experiments.tables --workdir=runs/attack --kind=grid \\
      --scores=attack_target
  python -m experiments.tables --workdir=runs/study --kind=trend \\
      --scores=mig_binned
  python -m experiments.tables --workdir=runs/study --kind=trend \\
      --scores=svm_accuracy --strengths=0,1,2 --pairs=0:0.1,0.1:4

scores: a row per setting, a column per score (all by default). grid: a score
that is a table ('attack_target/3_7': row 3, column 7), means over seeds, for
each setting. trend: a row per method; the deviation between seeds at equal
strength, the seed's share of the variance, the rank correlation of score and
strength, and for each pair a:b the mean at b minus that at a (by default from
the least to the largest strength). Intervals: 95 % percentile bootstrap over
seeds.
"""

from absl import flags

from disentangle_jax import errors, folders
from disentangle_jax.commands import cli

KINDS = ('scores', 'grid', 'trend')


def _numbers() -> tuple[list[float], list[tuple[float, float]]]:
  """--strengths and --pairs."""
  given = flags.FLAGS
  try:
    strengths = [float(strength) for strength in given.strengths]
    pairs = [tuple(map(float, pair.split(':'))) for pair in given.pairs]
    return strengths, [(a, b) for a, b in pairs]
  except ValueError:
    rule = 'write --strengths=0,1 and --pairs=a:b,c:d, in numbers'
    raise errors.value('--pairs', ','.join(given.pairs), rule) from None


def main(argv):
  """Prints the tables that the flags ask for."""
  import pandas as pd  # slow to import

  from disentangle_jax.engine.workdir import store
  from disentangle_jax.report import markdown, tables, trend

  cli.no_words(argv)
  given = flags.FLAGS
  cli.required('workdir', given.workdir, 'runs/try')
  if given.kind not in KINDS:
    raise errors.choices('--kind', given.kind, KINDS)
  if given.kind in ('grid', 'trend') and not given.scores:
    rule = f'--kind={given.kind} needs the names of scores'
    raise errors.value('--scores', '', rule)
  if given.kind == 'grid':
    rows = pd.concat(store.read(folders.workdir(w)) for w in given.workdir)
    for name in given.scores:
      print(markdown.grid(rows, name))
    return
  study = tables.load(given.workdir)
  if given.kind == 'scores':
    columns = markdown.columns(study, given.scores, given.representation)
    print(markdown.settings_table(study, columns))
    return
  strengths, pairs = _numbers()
  for name in given.scores:
    print(f'### {name}\n')
    print(trend.table(trend.cells_of(study, name, strengths), pairs) + '\n')


def run(kind: str = 'scores') -> None:
  """The command itself.

  Args:
    kind: of table where --kind is not given.
  """
  flags.DEFINE_list('workdir', [], 'Directories of finished sweeps.')
  flags.DEFINE_string('kind', kind, f'What to print: {", ".join(KINDS)}.')
  flags.DEFINE_list('scores', [], 'Scores to show; of kind scores all.')
  flags.DEFINE_string(
    'representation', 'mean', "Codes to show: 'mean' or 'sampled'."
  )
  flags.DEFINE_list('strengths', [], 'Of kind trend: strengths; all.')
  flags.DEFINE_list('pairs', [], 'Of kind trend: pairs a:b to compare.')
  cli.run(main, __doc__)
