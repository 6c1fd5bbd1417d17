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

WORKDIR = flags.DEFINE_list(
  'workdir', [], 'Directory of a sweep, or several with commas between.'
)
COMPARE = flags.DEFINE_bool(
  'compare', False, 'Two workdirs side by side: second minus first.'
)
OUT = flags.DEFINE_string(
  'out', '', 'Directory for report/ and figures/ (default: first workdir).'
)
FIGURES = flags.DEFINE_string(
  'figures', 'auto', 'Files to draw: all, none, or auto (all if they are few).'
)
RUN = flags.DEFINE_string(
  'run',
  '',
  'Draw the pictures of this run (its number, or the beginning of its run_id) '
  'into DIR/figures instead.',
)
PAGE = flags.DEFINE_string(
  'page', '', 'A Python file with sections(study) or claims(study) of yours.'
)


def main(argv):
  """See the module docstring."""
  if len(argv) > 1:
    raise errors.value('arguments', ' '.join(argv[1:]), 'only flags are read')
  if not WORKDIR.value:
    raise errors.value('--workdir', '', 'must name the directory of a sweep')
  if RUN.value:
    if len(WORKDIR.value) > 1:
      raise errors.value('--run', RUN.value, 'needs exactly one --workdir')
    for path in report.draw_run(WORKDIR.value[0], RUN.value):
      print(path)
  else:
    own = studies.page_file(PAGE.value) if PAGE.value else None
    page = report.write(
      WORKDIR.value,
      COMPARE.value,
      OUT.value or None,
      FIGURES.value,
      extra=studies.own_sections(own),
    )
    print(page)


if __name__ == '__main__':
  cli.run(main)
