"""Makes the report of a sweep again, from its store alone.

python -m experiments.report --workdir=DIR
python -m experiments.report --workdir=DIR1,DIR2             put together
python -m experiments.report --workdir=DIR1,DIR2 --compare   side by side
python -m experiments.report --workdir=DIR --run=17          one run's pictures
python -m experiments.report --workdir=DIR --page=FILE.py    with your sections

FILE.py has `sections(study)`, which yields `report.Section`s, or
`claims(study)` or both (docs/extending.md). A packaged study's own sections
are there anyway.
"""

from absl import flags

from disentangle_jax import errors, report, studies
from disentangle_jax.commands import cli

# Seconds between two readings of a page by its browser.
_REFRESH = 60


def main(argv):
  """See the module docstring."""
  given = flags.FLAGS
  if len(argv) > 1:
    raise errors.value('arguments', ' '.join(argv[1:]), 'only flags are read')
  if not given.workdir:
    raise errors.value('--workdir', '', 'must name the directory of a sweep')
  if given.run:
    if len(given.workdir) > 1:
      raise errors.value('--run', given.run, 'needs exactly one --workdir')
    for path in report.draw_run(given.workdir[0], given.run):
      print(path)
  else:
    own = studies.page_file(given.page) if given.page else None
    page = report.write(
      given.workdir,
      given.compare,
      given.out or None,
      given.figures,
      extra=studies.own_sections(own),
      refresh=_REFRESH if given.refresh else 0,
    )
    print(page)


def define_flags() -> None:
  """Its options."""
  flags.DEFINE_list(
    'workdir', [], 'Directory of a sweep, or several with commas between.'
  )
  flags.DEFINE_bool(
    'compare', False, 'Two workdirs side by side: second minus first.'
  )
  flags.DEFINE_string(
    'out', '', 'Directory for report/ and figures/ (default: first workdir).'
  )
  flags.DEFINE_string(
    'figures',
    'auto',
    'Files to draw: all, none, or auto (all if they are few).',
  )
  flags.DEFINE_string(
    'run',
    '',
    'Draw the pictures of this run (its number, or the beginning of its '
    'run_id) into DIR/figures instead.',
  )
  flags.DEFINE_bool(
    'refresh',
    False,
    f'The page reads itself again every {_REFRESH} seconds: a study runs.',
  )
  flags.DEFINE_string(
    'page', '', 'A Python file with sections(study) or claims(study) of yours.'
  )


def run() -> None:
  """The command itself."""
  define_flags()
  cli.run(main, __doc__)
