"""Shows what a data set is: a contact sheet and one row per factor.

Images side by side, videos by frames, voxels by layers, vectors as colours and
sentences as text, as the set's kind says.

  python -m experiments.show_data --config.dataset=shapes3d
  python -m experiments.show_data --config.dataset=dsprites_file \\
      --config.dataset.path=dsprites.npz --out=figures
  python -m experiments.show_data --config.dataset=all

Options of the data set follow as --config.dataset.OPTION=VALUE. Writes
OUT/data_NAME.png and prints its path, the factors, some sentences of a text and
how fast it draws.
"""

import ast
from collections.abc import Sequence
import math
import pathlib
import sys
import time

import jax
import jax.numpy as jnp

from disentangle_jax import data, errors, invocation
from disentangle_jax.commands import cli
from disentangle_jax.data import contact, kinds

_OWN = {
  'out': 'figures',
  'columns': '12',
  'rows': '4',
  'seed': '0',
  'batch': '64',
}


# Bytes from which on a picture is kept in 256 colours.
_LARGE = 200_000


def parse(arguments):
  """Splits the command line.

  Args:
    arguments: what follows the program's name.

  Returns:
    name of the data set, its options, and this program's own.

  Raises:
    ConfigError: an unknown flag or a value that cannot be read.
  """
  name, options, own = None, {}, dict(_OWN)
  for argument in arguments:
    flag, equals, text = argument.lstrip('-').partition('=')
    if not equals or not argument.startswith('--'):
      raise errors.value('argument', argument, 'must read --flag=value')
    if flag in ('config.dataset', 'config.dataset.name'):
      name = text
    elif flag.startswith('config.dataset.'):
      options[flag.removeprefix('config.dataset.')] = _literal(text)
    elif flag in own:
      own[flag] = text
    else:
      legal = ('config.dataset', *(f for f in _OWN))
      raise errors.choices('flag', flag, legal)
  if name is None:
    raise errors.ConfigError(
      '--config.dataset is missing, e.g. --config.dataset=dsprites, or =all; '
      f'their names: {invocation.line("list", "datasets")}'
    )
  for flag in ('columns', 'rows', 'seed', 'batch'):
    least = 0 if flag == 'seed' else 1
    if not own[flag].isdecimal() or int(own[flag]) < least:
      rule = f'must be an integer of at least {least}'
      raise errors.value(f'--{flag}', own[flag], rule)
    own[flag] = int(own[flag])
  return name, options, own


def _literal(text):
  """A Python literal, else names with commas between, else the text."""
  try:
    return ast.literal_eval(text)
  except (ValueError, SyntaxError):
    return tuple(text.split(',')) if ',' in text else text


def rate(dataset, batch):
  """Observations per second of jitted batches, compilation left out."""
  sample = jax.jit(dataset.sample)
  index = jnp.arange(batch)
  keys = jax.random.split(jax.random.key(0), 9)
  draw = lambda key: sample(key, dataset.arrays, index)['observation']
  draw(keys[0]).block_until_ready()
  start, done = time.perf_counter(), 0
  while done < 8 or time.perf_counter() - start < 0.5:
    draw(keys[done % 8 + 1]).block_until_ready()
    done += 1
  return done * batch / (time.perf_counter() - start)


def show(name, options, own):
  """Writes one picture and prints what the data set is."""
  dataset = data.load(name, **options)
  folder = pathlib.Path(own['out'])
  try:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'data_{name}.png'
    picture = contact.describe(
      dataset, own['columns'], own['rows'], own['seed']
    )
    picture.save(path, optimize=True)
    if path.stat().st_size > _LARGE:
      # Noise does not compress: 256 colours are a third of the bytes.
      picture.quantize(256).save(path, optimize=True)
  except OSError as error:
    rule = f'cannot be written ({error.strerror})'
    raise errors.value('--out', own['out'], rule) from error
  factors = ', '.join(
    f'{n} {size}' for n, size in zip(dataset.factor_names, dataset.factor_sizes)
  )
  print(f'{path}')
  shape = dataset.observation_shape
  print(f'  observation {shape}: {dataset.kind}, {dataset.dtype}')
  if dataset.kind == 'tokens':
    tokens = contact.draw(dataset, own['rows'], own['seed'])['observation']
    words = dataset.extras.get('vocabulary')
    for sentence in kinds.sentences(tokens, words):
      print(f'  | {sentence}')
  if factors:
    total = math.prod(dataset.factor_sizes)
    print(f'  factors {factors}: {total:,} combinations')
  if dataset.fields:
    print(f'  fields {", ".join(dataset.fields)}')
  kind = jax.devices()[0].device_kind
  print(f'  {rate(dataset, own["batch"]):,.0f} observations/s on {kind}')


def main(argv):
  """See the module docstring."""
  name, options, own = parse(argv[1:])
  names = (*data.RENDERED, *data.WORLDS) if name == 'all' else (name,)
  for each in names:
    show(each, options, own)


def run(argv: Sequence[str] | None = None) -> None:
  """The command itself, with users' mistakes as one line.

  Args:
    argv: as typed; `sys.argv` by default.
  """
  argv = sys.argv if argv is None else argv
  if '--help' in argv or '-h' in argv:
    print(f'{cli.said(__doc__)}\nFlags of its own, with their defaults:')
    print('  ' + ' '.join(f'--{flag}={value}' for flag, value in _OWN.items()))
    return
  cli.guarded(main)(argv)
