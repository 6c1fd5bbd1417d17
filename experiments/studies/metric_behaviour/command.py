"""The command `metric_behaviour`: measures, keeps the numbers, draws."""

import json
import os
import pathlib
import platform
import time

from absl import flags
import jax

from disentangle_jax import errors
from disentangle_jax.commands import cli
from disentangle_jax.studies.metric_behaviour import behaviour, drawing

RESULTS = pathlib.Path(__file__).parent / 'results'
_FILE = 'metric_behaviour.json'


def read(folder: pathlib.Path) -> dict:
  """What is kept in a folder; nothing measured where it holds no file.

  Raises:
    StoreError: a file that cannot be read.
  """
  path = folder / _FILE
  try:
    return json.loads(path.read_text(encoding='utf-8'))
  except FileNotFoundError:
    return {'metrics': {}}
  except (OSError, ValueError) as error:
    raise errors.StoreError(f'{path}: cannot be read: {error}') from error


def main(argv: list[str]) -> None:
  """See `experiments/metric_behaviour.py`."""
  if len(argv) > 1:
    raise errors.ConfigError(f'unexpected argument {argv[1]!r}')
  names = behaviour.wanted(flags.FLAGS.metrics)
  folder = pathlib.Path(flags.FLAGS.out or RESULTS).expanduser()
  folder.mkdir(parents=True, exist_ok=True)
  results = read(folder)
  for name in () if flags.FLAGS.draw_only else names:
    own = behaviour.measure(name, flags.FLAGS.draws, flags.FLAGS.seed)
    own['date'] = time.strftime('%Y-%m-%d')
    own['seed'] = flags.FLAGS.seed
    own['device'] = jax.devices()[0].device_kind
    results['metrics'][name] = own
    results['versions'] = {
      'jax': jax.__version__,
      'python': platform.python_version(),
      'cores': os.cpu_count(),
    }
    text = json.dumps(results, separators=(',', ':'))
    # Whole at any time: an interrupted run keeps the metrics before.
    part = folder / f'{_FILE}.part'
    part.write_text(f'{text}\n', encoding='utf-8')
    part.replace(folder / _FILE)
    print(f'{name}: {own["seconds"]} s, {own["cpu_seconds"]} s of CPU')
  if not results['metrics']:
    raise errors.value('--out', str(folder), 'holds no results to draw')
  for path in drawing.write(results, folder):
    print(path)


def run() -> None:
  """The command itself."""
  flags.DEFINE_integer('draws', 20, 'Draws per case.', lower_bound=2)
  flags.DEFINE_integer('seed', 0, 'Of all draws.')
  flags.DEFINE_list('metrics', [], 'Metrics of codes; all by default.')
  flags.DEFINE_string(
    'out', '', "Folder of numbers, page and figures; the study's results/."
  )
  flags.DEFINE_bool('draw_only', False, 'Draw what the folder holds already.')
  cli.run(main)
