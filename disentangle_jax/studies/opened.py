"""A study that stands in a folder, in a program's or a notebook's hands.

study = dj.open('runs/quickstart')
study.scores()['mig_binned']          # a row per run
study.best('mig_binned').traverse()
"""

from collections.abc import Iterable, Mapping
import dataclasses
import functools
import html
import os
import pathlib
from typing import TYPE_CHECKING, Any

import pandas as pd

from disentangle_jax import (
  errors,
  folders,
  handles,
  packs,
  storage,
  stored_rows,
  studies,
)
from disentangle_jax.runs import trained

if TYPE_CHECKING:
  from disentangle_jax.report import tables

_RUNS = (
  'run_number',
  'run_id',
  'method',
  'strength_name',
  'strength',
  'variant',
  'seed',
  'dataset',
  'status',
  'seconds',
)


@dataclasses.dataclass(frozen=True)
class Report:
  """A page that was written; a notebook shows it inline.

  Attributes:
    path: of the page, one file without requests.
  """

  path: pathlib.Path

  def __str__(self) -> str:
    return str(self.path)

  def __fspath__(self) -> str:
    return str(self.path)

  def _repr_html_(self) -> str:
    page = html.escape(self.path.read_text(encoding='utf-8'), quote=True)
    return (
      f'<p>{html.escape(str(self.path))}</p><iframe srcdoc="{page}" '
      'style="width: 100%; height: 640px; border: 1px solid #888" '
      'sandbox="allow-scripts" title="report"></iframe>'
    )


class OpenStudy:
  """What a workdir holds, read when it is asked for.

  Args:
    workdirs: one study's folder, or several that are put together.
    methods: your own methods, name -> module, for runs that are loaded.
    datasets: your own data sets.
  """

  def __init__(
    self,
    workdirs: tuple[pathlib.Path, ...],
    methods: Mapping[str, Any] | None = None,
    datasets: Mapping[str, Any] | None = None,
  ):
    self.workdirs = workdirs
    self._methods, self._datasets = methods, datasets

  @functools.cached_property
  def _tables(self) -> 'tables.Study':
    from disentangle_jax.report import tables  # slow to import

    return tables.load(self.workdirs)

  @property
  def name(self) -> str:
    """The study's name; several with ' + ' between."""
    names = [str(info.get('study', '')) for info in self._tables.infos]
    return ' + '.join(dict.fromkeys(filter(None, names)))

  @property
  def runs(self) -> pd.DataFrame:
    """Finished runs of listed methods, in the order of the plan.

    Columns: run_number, run_id, method, strength_name, strength, variant, seed,
    dataset, status ('ok' or 'not_finite'), seconds.
    """
    return self._tables.runs[list(_RUNS)].reset_index(drop=True)

  @property
  def notes(self) -> tuple[str, ...]:
    """What is missing or odd, a sentence each."""
    return self._tables.notes

  def scores(self, representation: str = 'mean') -> pd.DataFrame:
    """A row per run and a column per score, with `runs`' columns as the index.

    Args:
      representation: 'mean' or 'sampled', of scores that differ in it.

    Returns:
      float64; NaN where a run diverged or a score is not of its method.
    """
    wide = self._tables.scores
    chosen = [key for key in wide.columns if key[1] in ('', representation)]
    index = ['run_number', 'method', 'strength', 'seed']
    scores = wide[chosen].set_axis([name for name, _ in chosen], axis=1)
    return scores.set_index(
      pd.MultiIndex.from_frame(self._tables.runs[index]), drop=True
    )

  def rows(self, columns: Iterable[str] = ()) -> pd.DataFrame:
    """All rows as they are stored, training's curves included.

    Args:
      columns: names of `stored_rows.COLUMNS`; all by default.
    """
    from disentangle_jax.engine.workdir import store

    wanted = list(columns) or list(stored_rows.COLUMNS)
    parts = [store.read(workdir, wanted) for workdir in self.workdirs]
    return pd.concat(parts, ignore_index=True)

  def best(
    self, score: str, method: str = '', representation: str = 'mean'
  ) -> trained.TrainedRun:
    """The run of the best score, loaded; of those that left parameters.

    Args:
      score: its name; one with a direction.
      method: among the runs of this method alone; '' for all.
      representation: of the score.

    Raises:
      ConfigError: no such score or method, or a score without a direction.
      StoreError: the run left no parameters.
    """
    return self.load(self.best_id(score, method, representation))

  def best_id(
    self, score: str, method: str = '', representation: str = 'mean'
  ) -> str:
    """The run_id of that run; arguments as of `best`."""
    from disentangle_jax.report import scores as scores_lib

    values = self.scores(representation)
    if score not in values.columns:
      raise errors.choices('score', score, values.columns)
    column = values[score].set_axis(self._tables.runs['run_id'])
    methods = pd.Series(values.index.get_level_values('method').astype(str))
    if method and method not in set(methods):
      raise errors.choices('method', method, sorted(set(methods)))
    if method:
      column = column[(methods == method).to_numpy()]
    described = {one.name: one for one in scores_lib.describe(self._tables)}
    if described[score].direction == 'none':
      rule = 'is neither better high nor low; choose a run yourself and load it'
      raise errors.value('score', score, rule)
    kept = self._with_parameters()
    column = column[[run_id in kept for run_id in column.index]].dropna()
    if column.empty:
      raise errors.StoreError(
        f'{self.name}: no run with {score} has left its parameters'
      )
    return str((column * described[score].sign).idxmax())

  def _with_parameters(self) -> set[str]:
    """The run_ids whose parameters are there."""
    stems: set[str] = set()
    for workdir in self.workdirs:
      folder = folders.params(workdir, '').parent
      stems |= packs.stems(folder, '.safetensors')
    return stems

  def load(self, run: int | str) -> trained.TrainedRun:
    """A run by its number, or by the beginning of its run_id.

    Raises:
      ConfigError: no such run.
      StoreError: it left no parameters.
    """
    numbers = dict(zip(self.runs['run_id'], self.runs['run_number']))
    run_id = handles.find(run, numbers, 'run')
    place = list(self._tables.runs['run_id']).index(run_id)
    workdir = self.workdirs[int(self._tables.runs['workdir'].iloc[place])]
    path = folders.params(workdir, run_id)
    return trained.load_run(
      path, methods=self._methods, datasets=self._datasets
    )

  def report(self, **options: Any) -> Report:
    """Writes the page; the last line of a notebook's cell shows it.

    Args:
      **options: of `disentangle_jax.report.write`: out, figures, compare.
    """
    from disentangle_jax import report

    options.setdefault('extra', studies.own_sections())
    return Report(report.write(self.workdirs, **options))

  def claims(self) -> pd.DataFrame:
    """The claims of the packaged study that this is, decided on its runs.

    Returns:
      Columns statement, published, measured, verdict, note, seeds.

    Raises:
      ConfigError: of no packaged study, or of one without claims.
    """
    from disentangle_jax.report import claims

    module = studies.claims_module(self._tables.infos, 'study', self.name)
    entries = claims.record(self._tables, tuple(module.claims(self._tables)))
    columns = ['statement', 'published', 'measured', 'verdict', 'note', 'seeds']
    return pd.DataFrame(entries)[columns]

  def __repr__(self) -> str:
    runs, scores = self._tables.runs, self._tables.scores
    planned = sum(
      len(info.get('runs') or ()) - len(info.get('phases') or ())
      for info in self._tables.infos
    )
    methods = ', '.join(dict.fromkeys(runs['method']))
    where = ', '.join(map(str, self.workdirs))
    count = f'{len(runs)} of {planned}' if planned else f'{len(runs)}'
    return (
      f'study {self.name} in {where}: {count} runs '
      f'({methods}), {len({name for name, _ in scores.columns})} scores'
    )

  def _repr_html_(self) -> str:
    means = self.scores().groupby(level=['method', 'strength']).mean()
    return (
      f'<p>{html.escape(repr(self))}</p>{means.to_html(float_format="%.3g")}'
    )


def open_study(
  path: str | os.PathLike | Iterable[str | os.PathLike],
  *,
  methods: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
) -> OpenStudy:
  """Opens the study, finished or not, that a folder holds.

  Args:
    path: its workdir, or several that are put together.
    methods: your own methods, name -> module, as for `sweep`.
    datasets: your own data sets, as for `sweep`.

  Returns:
    The study, with `runs`, `scores`, `best`, `load`, `report` and `claims`.

  Raises:
    StoreError: a folder that is not there, or holds no study.
  """
  paths: list[str | os.PathLike]
  if isinstance(path, str) or not isinstance(path, Iterable):
    paths = [path]
  else:
    paths = list(path)
  workdirs = tuple(map(folders.workdir, paths))
  for workdir in workdirs:
    if not storage.exists(folders.study(workdir)):
      raise errors.StoreError(f'{workdir}: holds no study.json')
  return OpenStudy(workdirs, methods, datasets)
