"""How a command is typed where the user stands.

Three forms do the same: `python -m experiments.sweep` in a clone,
`disentangle sweep` where the package is installed, and everywhere else that it
can be imported, `python -m disentangle_jax sweep`.
"""

import pathlib
import shlex
import shutil

_PACKAGE = pathlib.Path(__file__).parent


def words(command: str) -> list[str]:
  """The words that begin a command.

  Args:
    command: its name, such as 'sweep' or 'show-data'.

  Returns:
    In the root of a clone ['python', '-m', 'experiments.sweep'], elsewhere
    ['disentangle', 'sweep'], or ['python', '-m', 'disentangle_jax', 'sweep']
    where that program is not on the path.
  """
  name = command.replace('-', '_')
  file = pathlib.Path('experiments', f'{name}.py')
  if file.exists() and file.resolve().parents[1] == _PACKAGE.parent:
    return ['python', '-m', f'experiments.{name}']
  if shutil.which('disentangle'):
    return ['disentangle', command]
  return ['python', '-m', 'disentangle_jax', command]


def line(command: str, *arguments: str) -> str:
  """A whole command as it is typed; see `words`.

  Args:
    command: its name.
    *arguments: quoted where a shell needs it.

  Returns:
    One line.
  """
  return shlex.join([*words(command), *arguments])
