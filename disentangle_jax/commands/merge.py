"""Puts stores of one study, made in several places, into one.

  python -m experiments.merge --workdir=A,B,C --into=DIR
  python -m experiments.merge --into=DIR A B C

Each place runs the same config with --slice=1/3, 2/3, 3/3 into a workdir of its
own; folders and buckets are read alike. Stores of another config, of other data
or other code, and slices that overlap are refused, and nothing is written. What
DIR holds already is passed over: as runs finish, give the command again.
"""

from absl import flags

from disentangle_jax import errors, folders, invocation
from disentangle_jax.commands import cli


def main(argv):
  """See the module docstring."""
  from disentangle_jax.engine.workdir import merge  # slow to import

  given = flags.FLAGS
  named = [*given.workdir, *argv[1:]]
  cli.required('into', given.into, 'runs/all')
  if not named:
    raise errors.ConfigError(
      '--workdir is missing: the stores to merge, e.g. --workdir=A,B'
    )
  into = folders.workdir(given.into)
  count = merge.merge([folders.workdir(path) for path in named], into, print)
  print(f'{count} finished runs in {into}')
  print(f'report: {invocation.line("report", f"--workdir={into}")}')


def run() -> None:
  """The command itself."""
  flags.DEFINE_list('workdir', [], 'Workdirs to merge, commas between.')
  flags.DEFINE_string('into', None, 'Workdir of all runs; made if missing.')
  cli.run(main, __doc__)
