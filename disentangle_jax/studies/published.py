"""Results that come with the project: scores of every run, and a few runs.

The folder of a study in a clone, `experiments/studies/<key>`, is a store like
any workdir: `results/scores.parquet` has the scores of every run of its laptop
variants, `study.json` what was planned and with which versions, and `params/`
the best and the median run of each method, with a model card beside each.
`dj.published(key)` opens it; a report takes it in beside one's own runs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import os
import pathlib
import tempfile
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from disentangle_jax import errors, folders, stored_rows, studies
from disentangle_jax.studies import opened

SCORES = 'scores'
# Of a config: what may differ where the runs are those of one variant.
_FREE = ('seeds', 'only', 'slice', 'engine', 'description')
_PLACES = ('path', 'cache', 'verify')
# And what may grow.
_LISTS = ('config.metrics', 'config.methods', 'config.sweep')
# Of a variant's study.json: what a page needs, without the plan of chunks.
_KEPT = (
  'study',
  'format',
  'description',
  'key',
  'command',
  'devices',
  'versions',
  'started',
  'finished',
  'wall_seconds',
  'primary',
  'scores',
  'notes',
)


def folder(key: str, root: str | os.PathLike | None = None) -> pathlib.Path:
  """Where a study's published results stand.

  Args:
    key: of the study.
    root: a folder of such folders; that of the clone by default.

  Returns:
    The folder, a store.

  Raises:
    StoreError: none are there: wheels have none.
    ConfigError: no such study.
  """
  path = _home(key, root)
  if not folders.study(path).is_file() or not folders.parts(path):
    known = [name for name in studies.folders() if _is_there(name, root)]
    where = f' under {root}' if root is not None else ''
    said = (
      f'published: {", ".join(known)}'
      if known
      else (
        'none are here; a clone has them, a wheel has not, and a copy of '
        'experiments/studies is named by `root`, or --published for a report'
      )
    )
    raise errors.StoreError(f'{key}: no published results{where}; {said}')
  return path


def _home(key: str, root: str | os.PathLike | None) -> pathlib.Path:
  """The folder of a study here, or in another folder of such folders."""
  return studies.folder(key) if root is None else pathlib.Path(root) / key


def _is_there(key: str, root: str | os.PathLike | None) -> bool:
  path = _home(key, root)
  return folders.study(path).is_file() and bool(folders.parts(path))


def names(root: str | os.PathLike | None = None) -> list[str]:
  """Keys of the studies with published results."""
  return [key for key in studies.folders() if _is_there(key, root)]


def open_published(
  key: str, *, root: str | os.PathLike | None = None
) -> opened.OpenStudy:
  """The published results of a packaged study.

  Args:
    key: its name, such as 'unsupervised_study'.
    root: a folder of such folders; that of the clone by default.

  Returns:
    The study, as `dj.open` gives it; `load` and `best` find the runs whose
    parameters are published, `scores` has all runs.

  Raises:
    StoreError: none are there.
    ConfigError: no such study.
  """
  return opened.open_study(folder(key, root))


def _scores(workdir: pathlib.Path, curves: bool) -> pa.Table:
  """Rows of scores and training scalars, the latter without latents.

  Args:
    workdir: a store.
    curves: whether every window of a scalar is kept; else the last alone.
  """
  tables = []
  for _, table in stored_rows.parts(workdir):
    frame = table.to_pandas()
    training = frame['name'].str.startswith(stored_rows.TRAINING)
    last = frame[training & ~frame['name'].str.contains(stored_rows.LATENT)]
    if len(last) and not curves:
      by = last.groupby(['run_id', 'name'], observed=True)['step']
      last = last.loc[by.idxmax()]
    tables.append(pd.concat([frame[~training], last]))
  rows = pd.concat(tables, ignore_index=True)
  rows[list(stored_rows.TEXT)] = rows[list(stored_rows.TEXT)].astype(object)
  return pa.Table.from_pandas(
    rows[list(stored_rows.COLUMNS)],
    schema=stored_rows.SCHEMA,
    preserve_index=False,
  )


def chosen(study: Any) -> list[str]:
  """The best and the median run of each method, by the score of the study.

  Args:
    study: a `report.tables.Study`.

  Returns:
    run_ids, each once; the first of each method where no score has a direction.
  """
  from disentangle_jax.report import scores as scores_lib

  described = scores_lib.describe(study)
  first = scores_lib.primary(described, scores_lib.wanted(study))
  names = study.runs['method'].astype(str).str.partition(' (')[0]
  if first is None:
    return list(study.runs.groupby(names, sort=False)['run_id'].first())
  values = study.scores.iloc[:, first].to_numpy() * described[first].sign
  picked = []
  for _, part in study.runs.groupby(names, sort=False):
    own = values[part.index]
    known = np.flatnonzero(np.isfinite(own))
    if not known.size:
      continue
    middle = np.median(own[known])
    places = (
      known[np.argmax(own[known])],
      known[np.argmin(np.abs(own[known] - middle))],
    )
    picked += [part['run_id'].iloc[place] for place in places]
  return list(dict.fromkeys(picked))


def write(
  workdirs: Sequence[pathlib.Path],
  target: pathlib.Path | None = None,
  *,
  replace: bool = False,
) -> list[pathlib.Path]:
  """Publishes finished workdirs of one packaged study in its folder.

  Args:
    workdirs: of its variants; all that shall be published, for what was there
      before is replaced.
    target: the folder; that of the study in this clone by default.
    replace: also where that loses a variant, a method or runs, or a variant's
      config is another one.

  Returns:
    The files.

  Raises:
    ConfigError: workdirs of no packaged study, or of several; no clone.
    StoreError: nothing to read, a folder that cannot be written, or less than
      is published there.
  """
  from disentangle_jax.engine.workdir import store
  from disentangle_jax.report import tables

  infos = [store.read_json(folders.study(w)) or {} for w in workdirs]
  names = [str(info.get('study', '')) for info in infos]
  # Arms that were run apart are one variant.
  loaded = [
    tables.load([w for w, own in zip(workdirs, names) if own == name])
    for name in dict.fromkeys(names)
  ]
  key = studies.of_infos(infos)
  if not key:
    rule = 'are of no study of the package, or of several'
    raise errors.value('--workdir', ','.join(map(str, workdirs)), rule)
  if target is None and not studies.CLONE.is_dir():
    rule = 'is published into a clone of the repository, and this is none'
    raise errors.value('--workdir', ','.join(map(str, workdirs)), rule)
  target = studies.folder(key) if target is None else target
  if not replace:
    _refuse_loss(infos, loaded, target)
  target.mkdir(parents=True, exist_ok=True)
  folders.results(target).mkdir(exist_ok=True)
  path = folders.results(target) / f'{SCORES}.parquet'
  store.write_json(folders.study(target), _together(infos))
  # Curves are kept where a claim reads them.
  for curves in (False, True):
    table = pa.concat_tables([_scores(w, curves) for w in workdirs])
    pq.write_table(table, path, compression='zstd', compression_level=19)
    if all(_decides_alike(key, study, target) for study in loaded):
      break
  files = [path, folders.study(target)]
  wanted = [run_id for study in loaded for run_id in chosen(study)]
  for old in (target / 'params').glob('*'):
    if old.stem not in wanted:
      old.unlink()
  files += _models(dict(zip(workdirs, names)), target, wanted)
  return files


def variant(target: pathlib.Path, name: str, place: pathlib.Path) -> None:
  """One variant of published results as a store of its own.

  Args:
    target: where they are published.
    name: of the variant, as its rows' 'study'.
    place: a folder that is made.
  """
  from disentangle_jax.engine.workdir import store

  table = pq.read_table(
    folders.results(target) / f'{SCORES}.parquet',
    filters=pc.field('study') == name,
  )
  folders.results(place).mkdir(parents=True)
  pq.write_table(table, folders.part(place, '0'))
  whole = store.read_json(folders.study(target)) or {}
  own = whole['variants'].get(name, {})
  store.write_json(folders.study(place), {**whole, **own, 'study': name})


def _refuse_loss(
  infos: Sequence[Mapping[str, Any]],
  loaded: Sequence[Any],
  target: pathlib.Path,
) -> None:
  """Refuses to put less, or something else, in the place of what is there.

  Args:
    infos: study.json of every workdir.
    loaded: a `report.tables.Study` of every variant.
    target: where the study is published.

  Raises:
    StoreError: names what would be lost, and the flag that allows it.
  """
  from disentangle_jax.engine.workdir import store

  path = folders.results(target) / f'{SCORES}.parquet'
  old = (store.read_json(folders.study(target)) or {}).get('variants') or {}
  if not old or not path.is_file():
    return
  columns = ['study', 'run_id', 'method', 'phase']
  rows = pq.read_table(path, columns=columns).to_pandas()
  rows = rows[rows['phase'].fillna('') == ''].drop_duplicates()
  counts = rows.groupby('study', observed=True).size()
  given = {str(one.infos[0].get('study', '')): one for one in loaded}
  there = ', '.join(f'{counts.get(name, 0)} runs of {name}' for name in old)
  missing = [name for name in old if name not in given]
  if missing:
    raise _loss(
      target, there, f'{", ".join(missing)} is not among what is given'
    )
  for info in infos:
    known = _compared(old.get(str(info.get('study', ''))) or {})
    for field, before, now in _common(known, _compared(info), 'config'):
      if field in _LISTS and all(one in (now or ()) for one in before or ()):
        continue
      rule = f'{field} is {before!r} there and {now!r} here'
      if len(rule) > 120:
        rule = f'{field} is another one there'
      raise _loss(target, there, rule)
  for name in old:
    runs, part = given[name].runs, rows[rows['study'] == name]
    if len(runs) < len(part):
      raise _loss(target, there, f'{name} has {len(runs)} here')
    here = set(runs['method'].astype(str).str.partition(' (')[0])
    gone = sorted(set(part['method'].astype(str)) - here)
    if gone:
      raise _loss(target, there, f'{", ".join(gone)} is not among the methods')


def _compared(info: Mapping[str, Any]) -> dict[str, Any]:
  """Of a variant's config: what its runs must agree in."""
  config = info.get('config') or {}
  bound = {name: of for name, of in config.items() if name not in _FREE}
  dataset = config.get('dataset') or {}
  own = {name: of for name, of in dataset.items() if name not in _PLACES}
  return {**bound, 'dataset': own}


def _common(old: Any, new: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
  """(field, value, other value) where both have the field and differ.

  A field that only one of two versions of the package declares says nothing.
  """
  if isinstance(old, Mapping) and isinstance(new, Mapping):
    for key in sorted(old.keys() & new.keys()):
      yield from _common(old[key], new[key], f'{name}.{key}')
  elif old != new:
    yield name, old, new


def _loss(target: pathlib.Path, there: str, what: str) -> errors.StoreError:
  return errors.StoreError(
    f'{target}: holds {there}; {what}; --replace puts it in their place'
  )


def _decides_alike(key: str, study: Any, target: pathlib.Path) -> bool:
  """Whether claims come out of what is published as out of the workdir."""
  from disentangle_jax.report import claims, tables

  module = studies.page_module(key)
  if module is None or not hasattr(module, 'claims'):
    return True
  decided = lambda one: claims.record(one, tuple(module.claims(one)))
  with tempfile.TemporaryDirectory() as folder:
    place = pathlib.Path(folder) / 'variant'
    variant(target, str(study.infos[0].get('study', '')), place)
    return decided(tables.load([place])) == decided(study)


def _together(infos: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
  """One study.json for all variants."""
  infos = list(infos)
  whole = {name: infos[0].get(name) for name in _KEPT if name in infos[0]}
  whole['study'] = ' + '.join(
    dict.fromkeys(str(info.get('study', '')) for info in infos)
  )
  whole['scores'] = {}
  whole['phases'] = {}
  for info in infos:
    whole['scores'] |= info.get('scores') or {}
    whole['phases'] |= info.get('phases') or {}
  whole['variants'] = {
    str(info.get('study', '')): {
      name: info.get(name)
      for name in (
        'command',
        'config',
        'devices',
        'versions',
        'finished',
        'wall_seconds',
      )
    }
    for info in infos
  }
  return whole


def _models(
  names: Mapping[pathlib.Path, str],
  target: pathlib.Path,
  wanted: Sequence[str],
) -> list[pathlib.Path]:
  """Copies the runs' parameters, a model card beside each."""
  from disentangle_jax.commands import export
  from disentangle_jax.engine.workdir import exported, store

  files = []
  for workdir, name in names.items():
    rows = store.read(workdir)
    for run_id in wanted:
      if not folders.params(workdir, run_id).is_file():
        continue
      run = exported.read(folders.params(workdir, run_id))
      place = folders.params(target, run_id).with_suffix('')
      files += export.write_as(place, run, rows, run_id, name, half=True)
  return files


def describe(root: str | os.PathLike | None = None) -> str:
  """docs/published.md: what is there, by study, with how to cite it."""
  lines = [
    '# Published results',
    '',
    'Made by `python -m experiments.publish --index`; not written by hand.',
    '',
    'A clone holds the scores of every run of the studies below, and the best',
    'and the median run of each method by the score of its study, as',
    'safetensors with a model card. They are of laptop size; what the papers',
    "used is in each study's README. Wheels hold none.",
    '',
    '```python',
    'import disentangle_jax as dj',
    '',
    "study = dj.published('unsupervised_study')",
    "study.scores()['mig_binned'].groupby(['method', 'strength']).mean()",
    "study.best('mig_binned').traverse()",
    '```',
    '',
    '```sh',
    'python -m experiments.report --workdir=runs/mine '
    '--with=unsupervised_study',
    '```',
    '',
    'puts your own runs beside them on one page. Cite the papers of the',
    'methods and metrics (every page lists their BibTeX) and this project',
    '(CITATION.cff) with the version that stands in the rows.',
    '',
    '```sh',
    'python -m experiments.publish --workdir=runs/attack',
    '```',
    '',
    'puts finished runs of yours in the place of what a study has here. It is',
    'refused in one line where a variant, a method or runs would be lost, or',
    "where a variant's config has changed in more than seeds, scores and",
    'settings that were added (a `:smoke` over a `:laptop`, for one);',
    '`--replace` does it all the same.',
    '',
    '| study | data sets | methods | runs | scores | with parameters | MiB |',
    '|---|---|---|---|---|---|---|',
  ]
  for key in names(root):
    path = folder(key, root)
    rows = pq.read_table(
      folders.results(path) / f'{SCORES}.parquet',
      columns=['run_id', 'name', 'method', 'dataset', 'phase'],
    ).to_pandas()
    rows = rows[rows['phase'].fillna('') == '']
    models = sorted((path / 'params').glob('*.safetensors'))
    files = [folders.results(path) / f'{SCORES}.parquet', *models]
    size = sum(file.stat().st_size for file in files) / 2**20
    whole = rows['name'][~rows['name'].str.contains('/')]
    readme = 'README.md' if (path / 'README.md').exists() else 'config.py'
    lines.append(
      f'| [{key}](../experiments/studies/{key}/{readme}) | '
      f'{", ".join(sorted(set(rows["dataset"])))} | '
      f'{", ".join(dict.fromkeys(rows["method"]))} | '
      f'{rows["run_id"].nunique()} | {whole.nunique()} | {len(models)} | '
      f'{size:.2f} |'
    )
  return '\n'.join(lines)


def size(root: str | os.PathLike | None = None) -> int:
  """Bytes of all published files together."""
  total = 0
  for key in names(root):
    path = folder(key, root)
    for file in (
      *folders.results(path).glob('*.parquet'),
      *(path / 'params').glob('*'),
    ):
      total += file.stat().st_size
  return total
