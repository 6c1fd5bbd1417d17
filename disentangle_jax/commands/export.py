"""Writes a trained run as one file with a model card.

  python -m experiments.export --workdir=DIR --run=17
  python -m experiments.export --workdir=DIR --run=9b3d15 --out=models

OUT/NAME.safetensors holds the parameters and what rebuilds the run's
functions: `disentangle_jax.load_run('NAME.safetensors')` needs neither its
workdir nor, but for drawing new data, its data set. OUT/NAME.md is its card:
what was trained on what, its scores beside those of other seeds, versions and
sources; the card stands in the file's metadata too ('card').
"""

import json
import pathlib
from typing import Any

from absl import flags
import numpy as np
import pandas as pd
from safetensors import numpy as safetensors

from disentangle_jax import errors, folders, storage
from disentangle_jax.commands import cli
from disentangle_jax.engine.workdir import exported, store
from disentangle_jax.runs import trained

# float16 ends at 65,504.
_MOST_OF_HALF = 6e4


def _scores(rows: pd.DataFrame, run_id: str) -> list[str]:
  """Lines of a table: the run's scores beside its setting's."""
  # Neither curves of training nor scores in parts.
  rows = rows[~rows['name'].str.contains('/')]
  rows = rows[rows['metric_seed'] <= 0]
  own = rows[rows['run_id'] == run_id]
  like = rows[rows['setting'].isin(own['setting'])]
  lines = [
    '| score | codes | this run | median of its setting | seeds |',
    '|---|---|---|---|---|',
  ]
  by = ['name', 'representation']
  of_setting = like.groupby(by)['value'].agg(['median', 'count'])
  for (name, codes), value in own.groupby(by)['value'].first().items():
    of = of_setting.loc[(name, codes)]
    lines.append(
      f'| {name} | {codes} | {value:.4g} | {of["median"]:.4g} | '
      f'{int(of["count"])} |'
    )
  return lines


def card(
  name: str, about: dict, rows: pd.DataFrame, run_id: str, study: str
) -> str:
  """The model card, Markdown.

  Args:
    name: of the file, without its ending.
    about: metadata of the exported run.
    rows: of the study's store.
    run_id: of the run.
    study: its name.

  Returns:
    Text.
  """
  # Slow to import.
  from disentangle_jax.report import citations

  own = rows[rows['run_id'] == run_id].iloc[0]
  sources = citations.bibtex(citations.of_method(about['method']))
  settings = {
    'method': about['method'],
    'data set': json.dumps(about['dataset']),
    'seed': about['seed'],
    'steps': int(rows.loc[rows['run_id'] == run_id, 'step'].max()),
    'hyper-parameters': json.dumps(about['hparams']),
    'static choices': json.dumps(about['config']),
    'study': study,
    'run_id': run_id,
    'trained with': own['versions'],
    'trained on': own['device'],
  }
  return '\n'.join(
    [
      f'# {name}',
      '',
      f'A run of `{about["method"]}`, trained with disentangle_jax.',
      '',
      '```python',
      'import disentangle_jax as dj',
      '',
      f"run = dj.load_run('{name}.safetensors')",
      'codes = run.represent(observations)',
      '```',
      '',
      '| | |',
      '|---|---|',
      *(f'| {what} | {value} |' for what, value in settings.items()),
      '',
      '## Scores',
      '',
      *_scores(rows, run_id),
      '',
      'A score of one run says little: seeds differ as much as methods do. '
      'Compare settings over seeds.',
      '',
      '## Source',
      '',
      '```bibtex',
      sources.strip(),
      '```',
      '',
    ]
  )


def write(
  workdir: pathlib.Path, run: str, out: pathlib.Path
) -> tuple[pathlib.Path, pathlib.Path]:
  """Exports one run.

  Args:
    workdir: of its study.
    run: its number, or the beginning of its run_id.
    out: folder for both files; made where it is missing.

  Returns:
    The paths of parameters and card.

  Raises:
    StoreError: no study there, a run without parameters, or a folder that
      cannot be written.
    ConfigError: no such run.
  """
  source = trained.path_of(workdir, run)
  run_id = source.stem
  info = store.read_json(folders.study(workdir))
  study = str(info.get('study') or workdir.name)
  run = exported.read(source)
  name = f'{study}_{run[1]["method"]}_{run_id[:6]}'
  return write_as(out / name, run, store.read(workdir), run_id, study)


def rounded(x: np.ndarray) -> np.ndarray:
  """float32 as float16 where its range allows."""
  fits = x.dtype == np.float32 and np.abs(x).max(initial=0) < _MOST_OF_HALF
  return x.astype(np.float16) if fits else x


def write_as(
  path: pathlib.Path,
  run: tuple[dict[str, np.ndarray], dict[str, Any]],
  rows: pd.DataFrame,
  run_id: str,
  study: str,
  half: bool = False,
) -> tuple[pathlib.Path, pathlib.Path]:
  """Writes a run's parameters and card under a name.

  Args:
    path: folder and name, without an ending.
    run: from `exported.read`.
    rows: of the study's store.
    run_id: of the run.
    study: its name.
    half: whether parameters are rounded to float16, for half the bytes.

  Returns:
    The paths of parameters and card.

  Raises:
    StoreError: a folder that cannot be written.
  """
  arrays, about = run
  out, name = path.parent, path.name
  text = card(name, about, rows, run_id, study)
  if half:
    arrays = {name: rounded(x) for name, x in arrays.items()}
    text += (
      '\nParameters are rounded to float16 (a relative error of at most '
      '0.0005); they are loaded as float32.\n'
    )
  metadata = {
    key: value if key == 'method' else json.dumps(value)
    for key, value in {**about, 'card': text}.items()
  }
  paths = out / f'{name}.safetensors', out / f'{name}.md'
  try:
    out.mkdir(parents=True, exist_ok=True)
    storage.write_bytes(paths[0], safetensors.save(arrays, metadata))
    paths[1].write_text(text, encoding='utf-8')
  except OSError as error:
    raise errors.StoreError(f'{out}: cannot be written: {error}') from error
  return paths


def main(argv):
  """See the module docstring."""
  given = flags.FLAGS
  cli.no_words(argv)
  if not given.workdir or given.run is None:
    raise errors.ConfigError(
      '--workdir and --run are missing, e.g. --workdir=runs/quickstart --run=17'
    )
  for path in write(
    folders.workdir(given.workdir), given.run, pathlib.Path(given.out)
  ):
    print(path)


def run() -> None:
  """The command itself."""
  flags.DEFINE_string('workdir', None, 'Directory of a sweep.')
  flags.DEFINE_string(
    'run', None, 'Run number or the beginning of a run_id, as reports show it.'
  )
  flags.DEFINE_string('out', '.', 'Where both files go.')
  cli.run(main, __doc__)
