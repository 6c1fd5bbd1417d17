"""The commands that make a study, or one run of it, again."""

from disentangle_jax import invocation
from disentangle_jax.report import tables


def command(study: tables.Study, workdir: int) -> str:
  """The command that made a workdir, with a gap where it was not stored."""
  stored = study.infos[workdir].get('command')
  if stored and isinstance(stored, str):
    return stored
  path = study.workdirs[workdir]
  return invocation.line('sweep', '--config=CONFIG', f'--workdir={path}')


def commands(study: tables.Study, workdir: int) -> dict[str, str]:
  """What is typed for one run of a workdir, but for the run itself.

  Args:
    study: as loaded.
    workdir: index into its workdirs.

  Returns:
    'train', before ` --config.only=17`; 'traverse' and 'report', before
    ` --run=17`; 'load', Python before `17)`.
  """
  path = str(study.workdirs[workdir])
  return {
    'train': command(study, workdir),
    'traverse': invocation.line('traverse', f'--workdir={path}'),
    'report': invocation.line('report', f'--workdir={path}'),
    'load': f'dj.load_run({path!r}, ',
  }


def run_command(study: tables.Study, run: int) -> str:
  """The command that trains one run of a study again, alone."""
  row = study.runs.loc[run]
  return f'{command(study, row["workdir"])} --config.only={row["run_number"]}'
