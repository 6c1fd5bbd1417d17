"""The studies that come with the package, a folder each.

`<key>/config.py` has `get_config(variant)`; `<key>/page.py`, where there is
one, `sections(study)` and `claims(study)` for the report. In a clone the
folders are `experiments/studies/<key>`, with README, tests and results; in a
wheel they stand here.
"""

from collections.abc import Callable, Iterator, Sequence
import importlib
import importlib.util
import pathlib
import traceback
import types as python_types
from typing import Any

from disentangle_jax import errors

_HERE = pathlib.Path(__file__).parent
# A clone is read where it stands: whichever is imported, its studies fit it.
CLONE = _HERE.parents[1] / 'experiments' / 'studies'
if CLONE.is_dir():
  __path__.append(str(CLONE))


def folders() -> dict[str, pathlib.Path]:
  """Key -> folder of every study, in the order of their names."""
  return {
    path.parent.name: path.parent
    for root in reversed(__path__)
    for path in sorted(pathlib.Path(root).glob('*/config.py'))
  }


def folder(key: str) -> pathlib.Path:
  """The folder of a study.

  Raises:
    ConfigError: no such study.
  """
  known = folders()
  if key not in known:
    raise errors.choices('study', key, known)
  return known[key]


def _module(key: str, name: str) -> python_types.ModuleType:
  return importlib.import_module(f'{__name__}.{key}.{name}')


def config_module(key: str) -> python_types.ModuleType:
  """A study's `config.py`, with `get_config` and `EXPECTED`.

  Raises:
    ConfigError: no such study, or a file without `get_config`.
  """
  path = folder(key) / 'config.py'
  module = _module(key, 'config')
  if not hasattr(module, 'get_config'):
    raise errors.value('study', key, f'{path} has no get_config(variant)')
  return module


def page_module(key: str) -> python_types.ModuleType | None:
  """A study's `page.py`; None where it has none, or no such study is here."""
  known = folders()
  if key not in known or not (known[key] / 'page.py').is_file():
    return None
  return _module(key, 'page')


def key_of(path: pathlib.Path | str) -> str:
  """The key of the study whose config.py this is; '' for any other file."""
  path = pathlib.Path(path).resolve()
  for key, own in folders().items():
    if path == (own / 'config.py').resolve():
      return key
  return ''


def of_infos(infos: Sequence[dict[str, Any]]) -> str:
  """The key that all of some `study.json` name; '' where they do not agree."""
  keys = {str(info.get('key') or '') for info in infos}
  return keys.pop() if len(keys) == 1 else ''


def claims_module(
  infos: Sequence[dict[str, Any]], field: str, given: object
) -> python_types.ModuleType:
  """The `page.py` with the claims of the study that some stores are of.

  Args:
    infos: their `study.json`s.
    field: for the error: where they were named.
    given: for the error: as they were named.

  Raises:
    ConfigError: of no packaged study, of several, or of one without claims.
  """
  key = of_infos(infos)
  module = page_module(key) if key else None
  if module is None or not hasattr(module, 'claims'):
    rule = 'is of no study of the package with claims (page.py)'
    raise errors.value(field, given, rule)
  return module


def page_file(path: pathlib.Path | str) -> python_types.ModuleType:
  """A user's own page.py: a module with `sections` or `claims` or both.

  Raises:
    ConfigError: no such file, one that cannot be run, or without either.
  """
  path = pathlib.Path(path).expanduser()
  spec = importlib.util.spec_from_file_location('study_page', path)
  if spec is None or not path.is_file():
    raise errors.value('--page', str(path), 'must be a Python file')
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
  except Exception as error:
    rule = f'{type(error).__name__}: {errors.first_line(error)}'
    raise errors.value('--page', str(path), rule) from error
  if not hasattr(module, 'sections') and not hasattr(module, 'claims'):
    rule = "must have 'sections(study)' or 'claims(study)'"
    raise errors.value('--page', str(path), rule)
  return module


def own_sections(
  page: python_types.ModuleType | None = None,
) -> Callable[[Any], Iterator[Any]]:
  """What `report.write` takes as `extra`: claims and a study's own sections.

  Args:
    page: a module with `sections(study)` or `claims(study)` or both; None for
      that of the packaged study which a store names. Code that a store names
      in any other way is never run.

  Returns:
    `(study) -> Iterator[Section]`. Where the module fails, its error is a
    section: a page must not be lost by it.
  """
  from disentangle_jax.report import claims, section

  def sections(study):
    try:
      module = page or page_module(of_infos(study.infos))
      if module is None:
        return
      if hasattr(module, 'claims'):
        yield from claims.sections(study, tuple(module.claims(study)))
      if hasattr(module, 'sections'):
        yield from module.sections(study)
    except Exception as error:
      where = traceback.extract_tb(error.__traceback__)[-1]
      yield section.Section(
        'own_failed',
        'Sections of the study that could not be made',
        f'{pathlib.Path(where.filename).name}:{where.lineno}: '
        f'{type(error).__name__}: {errors.first_line(error)}',
      )

  return sections
