"""Scores of a finished sweep as Markdown: mean and 95 % interval over seeds.

  python -m experiments.scores --workdir=runs/study --scores=mig_binned,kl
  python -m experiments.scores --workdir=runs/attack --table=attack_target

The first prints one row per setting and one column per score. The second prints
a score that is a table ('attack_target/3_7': row 3, column 7) for each setting,
means over seeds. Intervals: 95 % percentile bootstrap over seeds; a dash where
there is one seed alone.
"""

import pathlib

from absl import flags

from disentangle_jax import errors
from disentangle_jax.commands import cli

_WORKDIR = flags.DEFINE_list('workdir', [], 'Directories of finished sweeps.')
_SCORES = flags.DEFINE_list('scores', [], 'Scores to show; all by default.')
_TABLE = flags.DEFINE_string('table', '', 'A score with one value per cell.')
_REPRESENTATION = flags.DEFINE_string(
  'representation', 'mean', "Representation to show: 'mean' or 'sampled'."
)


def main(argv):
  """See the module docstring."""
  import pandas as pd  # slow to import

  from disentangle_jax.engine.workdir import store
  from disentangle_jax.report import markdown, tables

  del argv
  if not _WORKDIR.value:
    raise errors.ConfigError('--workdir is missing')
  if _TABLE.value:
    rows = pd.concat(store.read(pathlib.Path(w)) for w in _WORKDIR.value)
    print(markdown.grid(rows, _TABLE.value))
    return
  study = tables.load(_WORKDIR.value)
  places = markdown.columns(study, _SCORES.value, _REPRESENTATION.value)
  print(markdown.settings_table(study, places))


if __name__ == '__main__':
  cli.run(main)
