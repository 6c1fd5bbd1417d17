"""From workdirs to files: the page, the figures, one run's sheets."""

from collections.abc import Iterable, Sequence
import os
import pathlib

import matplotlib.figure
import numpy as np

from disentangle_jax import errors, folders, handles, storage
from disentangle_jax.report import (
  drawing,
  gallery,
  html,
  markdown,
  style,
  tables,
)
from disentangle_jax.report import results as results_lib
from disentangle_jax.report import section as section_lib
from disentangle_jax.report import sections as sections_lib

FIGURES = ('auto', 'all', 'none')
FILES = 8  # scores drawn into files where they are many; each costs a second

Paths = Sequence[os.PathLike | str] | os.PathLike | str


def _as_paths(workdir: Paths) -> list[pathlib.Path]:
  several = isinstance(workdir, Iterable) and not isinstance(workdir, str)
  paths = [folders.workdir(p) for p in (workdir if several else [workdir])]
  if not paths:
    raise errors.value('workdir', [], 'must name at least one directory')
  if len({path.resolve() for path in paths}) < len(paths):
    raise errors.value(
      'workdir', ','.join(map(str, paths)), 'must name each directory once'
    )
  return paths


def write(
  workdir: Paths,
  compare: bool = False,
  out: pathlib.Path | str | None = None,
  figures: str = 'auto',
  extra: results_lib.Extra | None = None,
  refresh: int = 0,
) -> pathlib.Path:
  """Writes the report of a sweep, or of several together.

  Reads the stores alone. A store that is empty, half-finished or damaged gives
  a page that says so.

  Args:
    workdir: directory of a sweep, or several to put together.
    compare: two workdirs side by side, with intervals on the difference,
      second minus first.
    out: directory to write `report/` and `figures/` into; the first workdir by
      default. There, the page of several workdirs is `report/merged.html` or
      `report/compare.html`, so that it does not replace the first one's own.
    figures: which files to draw. 'all': violins and strengths of every score;
      'auto': the same, but of the first FILES scores alone where there are more
      than `results.MANY`; 'none': no files, the page alone.
    extra: `(study) -> Iterator[Section]`, the study's own sections; they stand
      above the scores.
    refresh: seconds after which a browser reads the page again, for a study
      that runs; 0 for never.

  Returns:
    Path of the page; the same as Markdown is beside it, with the ending '.md'.

  Raises:
    ConfigError: `compare` with a number of workdirs other than two, the
      same directory twice, or sections that cannot be shown.
    StoreError: a directory does not exist or cannot be written.
  """
  paths = _as_paths(workdir)
  if compare and len(paths) != 2:
    raise errors.value('compare', len(paths), 'needs exactly two workdirs, A,B')
  if figures not in FIGURES:
    raise errors.choices('figures', figures, FIGURES)
  root = folders.workdir(out) if out is not None else paths[0]
  name = 'index'
  if len(paths) > 1 and out is None:
    name = 'compare' if compare else 'merged'
  results = results_lib.Results(
    tables.load(paths, together=not compare),
    compare=compare,
    extra=extra,
    figure_folder='' if figures == 'none' else str(_figures(root, name)),
  )
  # The page goes last into a bucket, as it is written last into a folder.
  with storage.staged(root, '.html') as here:
    files = None if figures == 'none' else _figures(here, name)
    page = folders.page(here, name)
    _write(results, page, files, figures == 'all', refresh)
  return folders.page(root, name)


def _figures(root: pathlib.Path, name: str) -> pathlib.Path:
  """Where the files of a page go; those of several workdirs are apart."""
  folder = folders.figures(root)
  return folder if name == 'index' else folder / name


def _write(
  results: results_lib.Results,
  page: pathlib.Path,
  files: pathlib.Path | None,
  everything: bool,
  refresh: int,
) -> None:
  """The page, and what stands beside it, on this machine."""
  try:
    with style.use():
      sections = sections_lib.of(results)
      section_lib.check(sections)
      drawings = _draw(sections, files)
      if files:
        _draw_files(results, files, everything)
    if files:
      for rank, run in results.shown.overall.items():
        drawing.run_sheets(results.study, run, files, rank)
    _replace(page, html.page(results, sections, drawings, refresh))
    links = {key: _link(page, files, key) for key in drawings if files}
    _replace(page.with_suffix('.md'), _markdown(results, sections, links))
  except OSError as error:
    raise errors.StoreError(
      f'{error.filename or page}: cannot be written ({error.strerror})'
    ) from error


def _draw(
  sections: Sequence[section_lib.Section], files: pathlib.Path | None
) -> dict[str, str]:
  """Key of a section -> its figure as SVG; files of the same name."""
  return {
    section.key: gallery.save(section.body, files, section.key)
    for section in section_lib.walk(sections)
    if isinstance(section.body, matplotlib.figure.Figure)
  }


def _draw_files(
  results: results_lib.Results, files: pathlib.Path, everything: bool
) -> None:
  """The figures that stand in no section: the page's script draws its own."""
  described = results.described
  columns = list(range(len(described)))
  if not everything and len(columns) > results_lib.MANY:
    columns = results.focus[:FILES]
  drawing.per_score(
    results.study, described, results.cell_tables, columns, files
  )
  if results.first is not None:
    drawing.front(results.study, described, results.first, files)


def _link(page: pathlib.Path, files: pathlib.Path, key: str) -> str:
  """Path from the page's folder to a figure."""
  path = files / f'{gallery.stem(key)}.png'
  return pathlib.Path(os.path.relpath(path, page.parent)).as_posix()


def _markdown(
  results: results_lib.Results,
  sections: Sequence[section_lib.Section],
  links: dict[str, str],
) -> str:
  head = [f'# {markdown.plain(html.title(results.study))}']
  head.append(markdown.plain(html.about(results.study)))
  return (
    '\n\n'.join(filter(None, [*head, markdown.render(sections, links)])) + '\n'
  )


def _replace(path: pathlib.Path, text: str) -> None:
  """A reader never sees half a file, and a full disk leaves the one before."""
  storage.write_bytes(path, text.encode())


def draw_run(
  workdir: pathlib.Path | str, number: int | str
) -> list[pathlib.Path]:
  """All sheets of one run into DIR/figures.

  Args:
    workdir: directory of a sweep.
    number: run number of the plan, of any phase, or the beginning of a run_id.

  Returns:
    The files: PNG for pictures, text for sentences.

  Raises:
    ConfigError: no finished run is called so, or several.
    StoreError: the run left no readable samples.
  """
  study = tables.load(_as_paths(workdir))
  parts = (study, *study.earlier.values())
  numbers = {
    run_id: int(n)
    for part in parts
    for run_id, n in zip(part.runs['run_id'], part.runs['run_number'])
  }
  run_id = handles.find(number, numbers, 'run')
  part = next(p for p in parts if (p.runs['run_id'] == run_id).any())
  root = folders.workdir(workdir)
  with storage.staged(root) as here:
    written = drawing.run_sheets(
      part,
      int(np.flatnonzero(part.runs['run_id'] == run_id)[0]),
      folders.figures(here),
      f'run_{numbers[run_id]}_{run_id[:6]}',
    )
  if not written:
    raise errors.StoreError(f'run {number} of {workdir} left no pictures')
  return [folders.figures(root) / path.name for path in written]
