"""Publishes the results of finished studies in their folders of a clone.

  python -m experiments.publish --workdir=runs/attack
  python -m experiments.publish --workdir=runs/icf_laptop,runs/icf_digits
  python -m experiments.publish --index

The first writes `experiments/studies/<key>/results/scores.parquet` (scores of
every run), `study.json` and `params/`: the best and the median run of each
method, with model cards. Several workdirs are variants of one study; what was
published before is replaced. Where that would lose a variant, a method or runs,
or would change a variant's config (its seeds aside), it is refused without
--replace. The last prints docs/published.md.
"""

from absl import flags

from disentangle_jax import folders
from disentangle_jax.commands import cli
from disentangle_jax.studies import published


def main(argv):
  """See the module docstring."""
  cli.no_words(argv)
  given = flags.FLAGS
  if given.index:
    print(published.describe())
    return
  cli.required('workdir', given.workdir, 'runs/attack')
  workdirs = [folders.workdir(path) for path in given.workdir]
  for path in published.write(workdirs, replace=given.replace):
    print(path)


def run() -> None:
  """The command itself."""
  flags.DEFINE_list('workdir', [], 'Finished workdirs of one study.')
  flags.DEFINE_bool('replace', False, 'Also where it loses what is there.')
  flags.DEFINE_bool('index', False, 'Print the page of what is published.')
  cli.run(main, __doc__)
