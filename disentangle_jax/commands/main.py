"""disentangle: studies of disentangled representations, from any folder.

  disentangle sweep quickstart --workdir=runs/quickstart
  disentangle status runs/quickstart
  disentangle report runs/quickstart
  disentangle list studies

`disentangle COMMAND --help` lists a command's options with their defaults.
A word without dashes behind the command stands for the option that it always
needs: a study of the package or a file for sweep, compile-for, fleet and
benchmark, a workdir for status, report, merge, tables, claims, traverse and
export, a data set for show-data.

`eval "$(disentangle completion bash)"` (or zsh) completes names in a shell.
"""

import importlib
import sys
from typing import NamedTuple

from disentangle_jax import errors
from disentangle_jax.commands import cli, completion


class Command(NamedTuple):
  """One command.

  Attributes:
    module: that has `run`, beside this one.
    about: what it does, one line.
    first: the option that a first word without dashes gives; ''.
    arguments: that `run` takes.
  """

  module: str
  about: str
  first: str = ''
  arguments: tuple[str, ...] = ()


COMMANDS = {
  'sweep': Command('sweep', 'run a study, or go on with it', 'config'),
  'status': Command('status', 'where a study stands', 'workdir'),
  'report': Command('report', 'make the page of a study again', 'workdir'),
  'merge': Command('merge', 'stores of one study as one', 'workdir'),
  'tables': Command(
    'result_tables', 'scores as Markdown, with intervals', 'workdir'
  ),
  'scores': Command(
    'result_tables', 'tables --kind=scores', 'workdir', ('scores',)
  ),
  'trend': Command(
    'result_tables', 'tables --kind=trend', 'workdir', ('trend',)
  ),
  'claims': Command('claims', "what runs say of papers' claims", 'workdir'),
  'traverse': Command('traverse', 'draw what a run has learnt', 'workdir'),
  'export': Command('export', 'a run as one file with a model card', 'workdir'),
  'paper': Command('paper', 'figures and tables for a paper', 'workdir'),
  'publish': Command(
    'publish', "scores and models into a study's folder", 'workdir'
  ),
  'show-data': Command('show_data', 'what a data set is', 'config.dataset'),
  'list': Command('listing', 'names of methods, metrics, data sets, fields'),
  'benchmark': Command('benchmark', 'measure this machine', 'config'),
  'compile-for': Command(
    'compile_for', 'would a study fit devices that are not here?', 'config'
  ),
  'fleet': Command(
    'fleet', 'a study on machines that are not here, and preemptions', 'config'
  ),
  'completion': Command('completion', 'names for a shell: bash or zsh'),
}


def usage() -> str:
  """What `disentangle --help` prints."""
  width = max(map(len, COMMANDS))
  lines = (f'  {name:<{width}}  {of.about}' for name, of in COMMANDS.items())
  return '\n'.join([__doc__.strip(), '', 'Commands:', *lines])


def arguments(command: Command, words: list[str]) -> list[str]:
  """Words behind a command as its flags.

  Args:
    command: of COMMANDS.
    words: as typed behind its name.

  Returns:
    The same, a first one without dashes written as the flag that it stands for.
  """
  if command.first and words and not words[0].startswith('-'):
    return [f'--{command.first}={words[0]}', *words[1:]]
  return words


def run() -> None:
  """The program `disentangle`."""
  words = sys.argv[1:]
  if not words or words[0] in ('--help', '-h', 'help', '--helpfull'):
    print(usage())
    return
  if words[0] == '--version':
    from disentangle_jax import version

    print(version.__version__)
    return
  name = words[0].replace('_', '-')
  if name not in COMMANDS:
    cli.fail(str(errors.choices('disentangle', words[0], COMMANDS)))
  command = COMMANDS[name]
  if name == 'completion':
    print(completion.script(words[1:], list(COMMANDS)))
    return
  sys.argv = [f'disentangle {name}', *arguments(command, words[1:])]
  module = importlib.import_module(f'disentangle_jax.commands.{command.module}')
  module.run(*command.arguments)
