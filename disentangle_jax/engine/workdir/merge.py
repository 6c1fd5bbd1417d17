"""Stores of one study, made in several places, put into one.

Places that share a study by `--slice=k/n` have a store each. One store of all
is what a sweep without --slice would have left, but for the scores that compare
seeds: each place compared its own seeds alone, so that these are left out, and
a sweep over the merged store makes them anew from the parameters.

What would put unlike runs beside each other is refused: another config, other
data, other code, a run that is there twice.
"""

from collections.abc import Callable, Mapping, Sequence
import hashlib
import json
import pathlib
import shlex
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from disentangle_jax import errors, folders, packs, storage, stored_rows
from disentangle_jax.engine.plan import study_config
from disentangle_jax.engine.workdir import store, study

# Of the config: what a place settles for itself, and what `specs` describe.
_OWN = ('slice', 'only', 'engine', 'description', 'dataset')
# Other releases of these may train other parameters.
_CODE = ('disentangle_jax', 'jax', 'jaxlib', 'flax', 'optax')
_KEY = ['run_id', 'step', 'representation', 'name', 'metric_seed']
_RUN = ['run_id', 'run_number', 'setting', 'versions']
_LISTED = 6


class Part(NamedTuple):
  """A file of rows.

  Attributes:
    runs: the columns of _RUN, a row per run; '' where a file does not say.
    digest: of what its rows say, in any order.
  """

  runs: pd.DataFrame
  digest: str


class Store(NamedTuple):
  """One of the stores.

  Attributes:
    path: its folder.
    contents: of study.json.
    parts: name of a file of rows -> what is in it; without scores over seeds.
    over_seeds: whether it has scores over seeds.
  """

  path: pathlib.Path
  contents: dict[str, Any]
  parts: dict[str, Part]
  over_seeds: bool

  @property
  def name(self) -> str:
    """The folder and the slice that it holds."""
    share = (self.contents.get('config') or {}).get('slice')
    return f'{self.path} (slice {share})' if share else str(self.path)

  def runs(self) -> pd.DataFrame:
    """_RUN of every finished run, indexed by run_id."""
    frames = [
      held.runs
      for part, held in self.parts.items()
      if not part.startswith('more-')
    ]
    frames = frames or [pd.DataFrame({name: [] for name in _RUN})]
    return pd.concat(frames).drop_duplicates('run_id').set_index('run_id')


def _read(path: pathlib.Path) -> Store:
  contents = store.read_json(folders.study(path))
  if contents is None:
    raise errors.StoreError(f'{path}: holds no study.json')
  study.check_format(path, contents)
  columns = list(dict.fromkeys([*_KEY, 'value', *_RUN]))
  parts, over_seeds = {}, False
  for part, table in stored_rows.parts(path, columns):
    # Of one place's seeds, under a name that is the same in all places.
    if part.startswith('seeds-'):
      over_seeds = True
    else:
      parts[part] = Part(_runs(table), _digest(table))
  return Store(path, contents, parts, over_seeds)


def _runs(table: pa.Table) -> pd.DataFrame:
  schema = pa.schema([stored_rows.SCHEMA.field(name) for name in _RUN])
  runs = table.select(_RUN).cast(schema).group_by(_RUN).aggregate([])
  return runs.to_pandas().fillna('')


def _digest(table: pa.Table) -> str:
  """Of the bits of all values; rows may stand in any order."""
  rows = table.select([*_KEY, 'value']).to_pandas()
  hashes = np.sort(pd.util.hash_pandas_object(rows, index=False).to_numpy())
  return hashlib.sha256(hashes.tobytes()).hexdigest()


def _check_alike(first: Store, other: Store) -> None:
  """Refuses stores whose runs are not of one study.

  Raises:
    StoreError: names the field, and its value in both.
  """
  pair = f'{first.path} and {other.path}'
  mine, theirs = first.contents, other.contents
  if mine.get('study') != theirs.get('study'):
    raise errors.StoreError(
      f'{pair}: hold studies {mine.get("study")!r} and '
      f'{theirs.get("study")!r}; legal: stores of one study'
    )
  given = [
    {k: v for k, v in (of.get('config') or {}).items() if k not in _OWN}
    for of in (mine, theirs)
  ]
  fields = study.differences(*given, 'config')
  settings = [_settings(one.contents) for one in (first, other)]
  for cell in settings[0].keys() & settings[1].keys():
    a, b = (of[cell] for of in settings)
    if a != b:
      fields += study.differences(
        json.loads(sorted(a - b or a)[0]), json.loads(sorted(b - a or b)[0])
      )
  for name, a, b in fields[:1]:
    what = 'other data' if name.startswith('dataset') else 'other settings'
    raise errors.StoreError(
      f'{pair}: have {what}: {name} is {a!r} and {b!r}; legal: the same config '
      'everywhere, but for --slice, and the same data'
    )


def _cell(coordinates: str) -> str:
  """Method and hyper-parameters of a run, its seed aside, as JSON."""
  return json.dumps(json.loads(coordinates)[:2], sort_keys=True)


def _settings(contents: Mapping[str, Any]) -> dict[str, set[str]]:
  """Method and hyper-parameters of runs -> all else that they share, JSON."""
  settings = {}
  for coordinates, spec in contents['runs'].values():
    described = study_config.without_places(contents['specs'][spec])
    text = json.dumps(described, sort_keys=True)
    settings.setdefault(_cell(coordinates), set()).add(text)
  return settings


def _versions(one: Store) -> dict[str, set[str]]:
  """Package -> its versions that the rows, or study.json, name."""
  texts = {t for part in one.parts.values() for t in part.runs['versions']}
  named = [json.loads(text) for text in texts if text]
  versions = {}
  for of in named or [one.contents.get('versions') or {}]:
    for package, value in of.items():
      versions.setdefault(package, set()).add(value)
  return versions


def _check_code(first: Store, other: Store, say: Callable[[str], None]) -> None:
  """Refuses stores of different code; other packages are a note.

  Raises:
    StoreError: names what differs.
  """
  pair = f'{first.path} and {other.path}'
  legal = (
    'legal: stores of the same code; report --workdir=A,B shows others together'
  )
  a, b = _versions(first), _versions(other)
  listed = lambda values: ', '.join(sorted(values)) or 'unknown'
  for package in sorted({*a, *b}, key=lambda name: (name not in _CODE, name)):
    mine, theirs = a.get(package, set()), b.get(package, set())
    if mine == theirs:
      continue
    what = f'{pair}: {package} is {listed(mine)} and {listed(theirs)}'
    if package in _CODE:
      raise errors.StoreError(f'{what}: different code; {legal}')
    say(f'note: {what}')
  mine, theirs = (set(one.contents.get('code') or ()) for one in (first, other))
  if mine and theirs and mine != theirs:
    raise errors.StoreError(
      f'{pair}: were made by different code: source {listed(mine)} and '
      f'{listed(theirs)} of disentangle_jax; {legal}'
    )
  # Equal settings of an own method with another source.
  both = [_identities(one) for one in (first, other)]
  for cell in both[0].keys() & both[1].keys():
    if both[0][cell] != both[1][cell]:
      method = json.loads(cell)[0]
      raise errors.StoreError(
        f'{pair}: different code: the source of method {method} differs; '
        f'{legal}'
      )


def _identities(one: Store) -> dict[str, set[str]]:
  """Method and hyper-parameters -> `setting`s of finished runs."""
  identities, runs = {}, one.contents['runs']
  for run_id, setting in one.runs()['setting'].items():
    if run_id in runs and setting:
      cell = _cell(runs[run_id][0])
      identities.setdefault(cell, set()).add(setting)
  return identities


def _listing(numbers) -> str:
  numbers = sorted(map(int, numbers))
  more = ', ...' if len(numbers) > _LISTED else ''
  plural = 's' if len(numbers) > 1 else ''
  listed = ', '.join(map(str, numbers[:_LISTED]))
  return f'{len(numbers)} run{plural} ({listed}{more})'


def _check_apart(stores: Sequence[Store]) -> None:
  """Refuses a run that two stores have, and a number that names two runs.

  Raises:
    StoreError: names the runs.
  """
  home, named = {}, {}
  for one in stores:
    runs = one.runs()
    twice = [run_id for run_id in runs.index if run_id in home]
    if twice:
      both = f'{home[twice[0]].name} and {one.name}'
      numbers = runs.loc[twice, 'run_number']
      raise errors.StoreError(
        f'{both}: overlap: both have {_listing(numbers)}; legal: slices that '
        'share no seed'
      )
    for run_id, number in runs['run_number'].items():
      if named.setdefault(number, one) is not one:
        raise errors.StoreError(
          f'{named[number].name} and {one.name}: run {int(number)} is another '
          'run in each; legal: the same methods, strengths and seeds in all '
          'configs'
        )
      home[run_id] = one


def _new_parts(one: Store, held: Store | None) -> list[str]:
  """The files of a store that the merged one lacks.

  Raises:
    StoreError: a file that is there with other rows, or runs of it in another.
  """
  if held is None:
    return list(one.parts)
  fresh, there = [], held.runs()
  for part, (runs, digest) in one.parts.items():
    if part in held.parts:
      if digest != held.parts[part].digest:
        numbers = runs['run_number'].unique()
        raise errors.StoreError(
          f'{one.name} and {held.path}: {_listing(numbers)} are in both with '
          'other values; legal: another --into'
        )
      continue
    if not part.startswith('more-'):
      twice = runs[runs['run_id'].isin(there.index)]['run_number'].unique()
      if len(twice):
        raise errors.StoreError(
          f'{one.name} and {held.path}: overlap: both have {_listing(twice)}; '
          'legal: another --into, or slices that share no seed'
        )
    fresh.append(part)
  return fresh


def merge(
  sources: Sequence[pathlib.Path],
  into: pathlib.Path,
  say: Callable[[str], None] = lambda text: None,
) -> int:
  """Puts stores of one study into one.

  What is in `into` already stays; equal files are passed over, so that a merge
  that was killed, or came too early, is made again.

  Args:
    sources: folders of the stores; they are read alone.
    into: the merged one, another folder; locked meanwhile.
    say: told in one line each what a user should know.

  Returns:
    Number of finished runs in the merged store.

  Raises:
    StoreError: stores that do not belong together, or cannot be read; nothing
      has been written.
  """
  places = [str(path.resolve()) for path in (*sources, into)]
  for place in places:
    if places.count(place) > 1:
      raise errors.StoreError(
        f'{place}: is named twice; legal: each store once, and a folder of its '
        'own for --into'
      )
  stores = [_read(path) for path in sources]
  for other in stores[1:]:
    _check_alike(stores[0], other)
    _check_code(stores[0], other, say)
  _check_apart(stores)
  with store.lock(into):
    held = None
    if storage.is_folder(folders.results(into)):
      held = _read(into)
      _check_alike(held, stores[0])
      _check_code(held, stores[0], say)
    fresh = [_new_parts(one, held) for one in stores]
    for one in stores:
      if worker := store.worker(one.path):
        say(f'note: {one.path}: {worker} is working here; the rest comes later')
    if any(one.over_seeds for one in stores):
      say(
        'note: scores that compare seeds are left out: each store compared its '
        'own; a sweep over the merged store makes them anew'
      )
    everything = stores if held is None else [held, *stores]
    store.write_json(folders.study(into), _contents(everything, stores, into))
    for one, parts in zip(stores, fresh):
      _copy(one, parts, into)
    return len(set().union(*(one.runs().index for one in everything)))


def _copy(one: Store, parts: Sequence[str], into: pathlib.Path) -> None:
  """Parameters and pictures first: rows say that a run is complete."""
  ids = {i for part in parts for i in one.parts[part].runs['run_id']}
  for folder in ('params', 'samples'):
    files = [
      path
      for path in storage.listed(one.path / folder)
      if path.stem in (parts if path.suffix == packs.ENDING else ids)
    ]
    storage.copy([(path, into / folder / path.name) for path in files])
  storage.copy(
    [(folders.part(one.path, part), folders.part(into, part)) for part in parts]
  )


def _contents(
  everything: Sequence[Store], stores: Sequence[Store], into: pathlib.Path
) -> dict[str, Any]:
  """study.json of all: every planned run, and where each store came from."""
  first = everything[0].contents
  specs, runs, chunks, phases, notes = [], {}, {}, {}, {}
  number_of = {}
  for one in everything:
    contents = one.contents
    for run_id, (coordinates, spec) in contents['runs'].items():
      described = contents['specs'][spec]
      text = json.dumps(described, sort_keys=True)
      if text not in number_of:
        number_of[text] = len(specs)
        specs.append(described)
      runs.setdefault(run_id, (coordinates, number_of[text]))
    phases |= contents.get('phases') or {}
    notes |= dict.fromkeys(contents.get('notes') or ())
    chunks |= {chunk['part']: chunk for chunk in contents['chunks']}
  of = lambda field: [one.contents.get(field) for one in everything]
  merged = {str(m['workdir']): m for m in first.get('merged') or ()}
  for one in stores:
    merged[str(one.path)] = {
      'workdir': str(one.path),
      **{
        field: one.contents.get(field)
        for field in (
          'command',
          'devices',
          'versions',
          'finished',
          'wall_seconds',
        )
      },
      'slice': (one.contents.get('config') or {}).get('slice', ''),
    }
  return {
    **first,
    'config': {**(first.get('config') or {}), 'slice': ''},
    'command': _command(str(first.get('command') or ''), into),
    'started': min(filter(None, of('started')), default=None),
    'finished': max(filter(None, of('finished')), default=None),
    'devices': '; '.join(dict.fromkeys(map(str, filter(None, of('devices'))))),
    'wall_seconds': sum(m['wall_seconds'] or 0.0 for m in merged.values()),
    'code': sorted({digest for codes in of('code') for digest in codes or ()}),
    'merged': list(merged.values()),
    'notes': list(notes),
    'phases': phases,
    'specs': specs,
    'runs': runs,
    'chunks': list(chunks.values()),
  }


def _command(text: str, into: pathlib.Path) -> str:
  """The sweep of the whole study, from the command of one slice."""
  words, skip = [], False
  for word in shlex.split(text):
    name, equals, _ = word.partition('=')
    name = '--' + name.lstrip('-') if name.startswith('-') else name
    if skip:
      skip = False
    elif name in ('--slice', '--config.slice', '--workdir'):
      skip = not equals
    else:
      words.append(word)
  return shlex.join([*words, f'--workdir={into}']) if words else ''
