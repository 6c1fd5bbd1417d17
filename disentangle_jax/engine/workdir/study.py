"""A workdir: what was planned there first, and how it may be continued.

`study.json` keeps the first plan. Chunks are reused as they were, so that the
neighbours of a run, and with them the bits of its result, do not depend on
whether the sweep was interrupted. More seeds, strengths or methods extend a
study by new chunks.
"""

import collections
from collections.abc import Collection, Mapping, Sequence
import datetime
import functools
import hashlib
import importlib.metadata
import json
import pathlib
import platform
from typing import Any, NamedTuple

from disentangle_jax import errors, folders, storage, version
from disentangle_jax.engine.plan import registry, study_config, study_plan
from disentangle_jax.engine.programs import devices
from disentangle_jax.engine.workdir import store

# Of study.json and the rows; files without one were written before phases.
FORMAT = 2
_PACKAGES = ('jax', 'jaxlib', 'flax', 'optax', 'numpy')
_ROOMS = (
  'ops',
  'nn',
  'data',
  'methods',
  'metrics',
  'engine/plan',
  'engine/programs',
)


class Chunk(NamedTuple):
  """Runs that are trained in one program.

  Attributes:
    group: index into the plan's groups.
    part: name of the part of the store that it writes.
    size: runs in the program, padding included.
    runs: the runs.
  """

  group: int
  part: str
  size: int
  runs: tuple[study_plan.Run, ...]


@functools.cache
def versions() -> dict[str, str]:
  """Versions that results may depend on."""
  installed = {
    'python': platform.python_version(),
    'disentangle_jax': version.__version__,
  }
  installed.update(
    {name: importlib.metadata.version(name) for name in _PACKAGES}
  )
  return installed


@functools.cache
def code() -> str:
  """Digest of the package's own source that results come from."""
  root, digest = pathlib.Path(version.__file__).parent, hashlib.sha256()
  for room in _ROOMS:
    for path in sorted(root.joinpath(room).rglob('*.py')):
      digest.update(path.relative_to(root).as_posix().encode())
      digest.update(path.read_bytes())
  return digest.hexdigest()[:12]


def now() -> str:
  """The time in ISO form, to the second, UTC."""
  return datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')


def _described(dataset: study_config.DatasetSpec) -> dict[str, Any]:
  about = {'name': dataset.name, **json.loads(dataset.options)}
  content = {'content': dataset.fingerprint} if dataset.fingerprint else {}
  return {**about, **content}


def _spec(run: study_plan.Run) -> dict[str, Any]:
  spec = {
    'config': study_plan.describe_static(run.config),
    'dataset': _described(run.dataset),
    'steps': run.steps,
    'batch_size': run.batch_size,
  }
  if run.after is not None:
    spec['after'] = {
      'phase': run.after.phase,
      'method': run.after.method,
      **_spec(run.after),
    }
  return spec


def describe_group(group: study_plan.Group) -> dict[str, Any]:
  """What all runs of a group share, without seed and hyper-parameters."""
  return _spec(group.runs[0])


def _coordinates(run: study_plan.Run) -> str:
  return json.dumps([run.method, run.all_hparams(), run.seed], sort_keys=True)


def differences(
  old: Any, new: Any, name: str = ''
) -> list[tuple[str, Any, Any]]:
  """Where two nested mappings differ: (dotted name, value, other value)."""
  if isinstance(old, Mapping) and isinstance(new, Mapping):
    fields = []
    for key in sorted({*old, *new}):
      inner = f'{name}.{key}' if name else key
      fields += differences(old.get(key), new.get(key), inner)
    return fields
  return [] if old == new else [(name, old, new)]


def open_study(
  workdir: pathlib.Path,
  plan: study_plan.Plan,
  whole: Collection[str],
  as_new_setting: bool = False,
) -> dict[str, Any]:
  """Reads what a workdir holds and refuses to mix studies.

  Args:
    workdir: the folder, which this process has locked.
    plan: what is about to run.
    whole: run_ids of the whole study, of which the plan may be a part.
    as_new_setting: keep runs with changed fields beside the old ones.

  Returns:
    The contents of study.json; a fresh start when there is none.

  Raises:
    StoreError: another study, or changed fields of its runs.
  """
  old = store.read_json(folders.study(workdir))
  if old is None:
    if storage.is_folder(folders.results(workdir)):
      raise errors.StoreError(
        f'--workdir={workdir}: holds results but no study.json; '
        'legal: an empty folder or one of this study'
      )
    return {'runs': {}, 'chunks': [], 'specs': []}
  check_format(workdir, old)
  if old.get('study') != plan.study:
    raise errors.StoreError(
      f'--workdir={workdir}: holds study {old.get("study")!r}, not '
      f'{plan.study!r}; legal: an empty folder or one of this study'
    )
  if not as_new_setting:
    _refuse_changes(workdir, old, plan, whole)
  return old


def check_format(workdir: pathlib.Path, contents: Mapping[str, Any]) -> None:
  """Raises StoreError for a study.json of a newer version."""
  if contents.get('format', 1) > FORMAT:
    raise errors.StoreError(
      f'--workdir={workdir}: was written by a newer version (format '
      f'{contents["format"]}, this one knows {FORMAT}); legal: that version, '
      'or another folder'
    )


def _refuse_changes(
  workdir: pathlib.Path,
  old: Mapping[str, Any],
  plan: study_plan.Plan,
  whole: Collection[str],
) -> None:
  """Refuses runs that stand in for others, which the study no longer has.

  More seeds, strengths and variants leave the old runs in the plan. Where a
  run of the same method, seed and strength has gone, a field has changed.
  """
  strengths = {
    group.method_name: group.contract.strength or '' for group in plan.groups
  }

  def repeated(coordinates: str) -> tuple[str, Any, int]:
    method, hparams, seed = json.loads(coordinates)
    return method, hparams.get(strengths.get(method, '')), seed

  gone = collections.defaultdict(list)
  for run_id, (coordinates, spec) in old['runs'].items():
    if run_id not in whole:
      gone[repeated(coordinates)].append((coordinates, spec))
  for run in plan.runs:
    here = _coordinates(run)
    if run.run_id in old['runs'] or repeated(here) not in gone:
      continue
    # A second hyper-parameter that is swept has runs of the same strength:
    # the one that is nearest has what really changed.
    fields = min(
      (
        differences(*(json.loads(at)[1] for at in (was, here)), 'hparams')
        + differences(old['specs'][spec], _spec(run))
        for was, spec in gone[repeated(here)]
      ),
      key=len,
    )
    changed = [f'{name} was {a!r} and is now {b!r}' for name, a, b in fields]
    raise errors.StoreError(
      f'--workdir={workdir}: runs of study {plan.study!r} would change: '
      f'{"; ".join(changed) or "source of the method"}; legal: the old value, '
      'another --workdir, or --as_new_setting, which keeps both as settings of '
      'their own'
    )


def chunks(
  old: Mapping[str, Any],
  plan: study_plan.Plan,
  sizes: Sequence[int],
  over: int = 1,
) -> list[Chunk]:
  """The chunks to run: those of the first plan, then those of new runs.

  Args:
    old: from `open_study`.
    plan: all runs that are wanted.
    sizes: most runs per program of each group, padding included.
    over: devices that runs are spread over; sizes are multiples of it.

  Returns:
    Chunks in order; together they hold every run once.
  """
  position = {
    run.run_id: (g, run)
    for g, group in enumerate(plan.groups)
    for run in group.runs
  }
  planned, seen = [], set()
  for chunk in old['chunks']:
    members = [r for r in chunk['runs'] if r in position]
    if len(members) < len(chunk['runs']):
      continue  # some of its runs are no longer wanted: planned anew below
    seen.update(members)
    planned.append(
      Chunk(
        group=position[members[0]][0],
        part=chunk['part'],
        size=chunk['size'],
        runs=tuple(position[r][1] for r in members),
      )
    )
  for g, group in enumerate(plan.groups):
    left = [run for run in group.runs if run.run_id not in seen]
    # A few new runs of an old study get a program of their own size.
    size = min(sizes[g], devices.padded(len(left), over))
    for i in range(0, len(left), max(size, 1)):
      planned.append(_chunk(g, size, left[i : i + size]))
  return planned


def _chunk(group: int, size: int, runs: Sequence[study_plan.Run]) -> Chunk:
  ids = ','.join(run.run_id for run in runs)
  digest = hashlib.sha256(ids.encode()).hexdigest()[:8]
  return Chunk(group, f'{runs[0].number:06d}-{digest}', size, tuple(runs))


def split(chunk: Chunk, size: int) -> list[Chunk]:
  """The runs of a chunk in programs of `size` runs."""
  return [
    _chunk(chunk.group, size, chunk.runs[i : i + size])
    for i in range(0, len(chunk.runs), size)
  ]


def save(
  workdir: pathlib.Path,
  old: Mapping[str, Any],
  plan: study_plan.Plan,
  planned: Sequence[Chunk],
  **about: Any,
) -> dict[str, Any]:
  """Writes study.json, keeping what earlier plans said.

  Args:
    workdir: the folder.
    old: from `open_study`.
    plan: the current plan.
    planned: the current chunks.
    **about: what a report shows: command, devices, versions, ...

  Returns:
    The contents.
  """
  specs = list(old['specs'])
  runs = dict(old['runs'])
  numbers = {json.dumps(s, sort_keys=True): i for i, s in enumerate(specs)}
  spec_of = {}  # setting -> its place: repetitions share all of it
  for run in plan.runs:
    if run.setting not in spec_of:
      spec = _spec(run)
      text = json.dumps(spec, sort_keys=True)
      if text not in numbers:
        numbers[text] = len(specs)
        specs.append(spec)
      spec_of[run.setting] = numbers[text]
    runs[run.run_id] = (_coordinates(run), spec_of[run.setting])
  covered = {run.run_id for chunk in planned for run in chunk.runs}
  # Chunks with runs that this plan does not have; others are planned anew.
  dropped = [c for c in old['chunks'] if not covered.issuperset(c['runs'])]
  contents = {
    'study': plan.study,
    'format': FORMAT,
    'description': plan.config.description,
    'config': plan.config.given,
    'started': old.get('started') or now(),
    **about,
    'notes': list(plan.notes),
    'primary': plan.config.scoring.primary,
    'scores': registry.describe_scores(plan.metrics, plan.registry),
    'phases': {run.run_id: run.phase for run in plan.runs if run.phase},
    'specs': specs,
    'runs': runs,
    'chunks': dropped
    + [
      {
        'part': c.part,
        'size': c.size,
        'runs': [run.run_id for run in c.runs],
      }
      for c in planned
    ],
  }
  store.write_json(folders.study(workdir), contents)
  return contents
