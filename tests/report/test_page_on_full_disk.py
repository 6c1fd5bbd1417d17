"""A disk that is full while a page is written again: one line, nothing lost."""

import errno
import pathlib

import made_up
import pytest

from disentangle_jax import errors, report


@pytest.fixture(scope='module')
def page(tmp_path_factory):
  """A study with its page and all its figures."""
  folder = tmp_path_factory.mktemp('full')
  rows = made_up.rows_of(seeds=2, metrics=('mig_binned',))
  made_up.write_store(folder, rows, parts=1)
  report.write(folder)
  return folder


def contents(folder):
  return {
    path.relative_to(folder): path.read_bytes()
    for path in folder.rglob('*')
    if path.is_file()
  }


@pytest.mark.parametrize(
  'ending, figures',
  [('.html', 'none'), ('.md', 'none'), ('.png', 'all'), ('.svg', 'all')],
)
def test_what_was_there_stays_whole(page, monkeypatch, ending, figures):
  before = contents(page)
  write = pathlib.Path.write_bytes

  def write_half(self, content):
    if f'{ending}.' not in self.name:
      return write(self, content)
    write(self, content[: len(content) // 2])
    raise OSError(errno.ENOSPC, 'No space left on device', str(self))

  monkeypatch.setattr(pathlib.Path, 'write_bytes', write_half)
  with pytest.raises(errors.StoreError) as caught:
    report.write(page, figures=figures)
  said = str(caught.value)
  assert said.endswith(f'{ending}: cannot be written (No space left on device)')
  assert '\n' not in said and '.tmp' not in said
  after = contents(page)
  assert after.keys() == before.keys()  # no half file beside them either
  assert after[hit := _named(page, said)] == before[hit]
  for path in after:
    # Others may be new, and are whole.
    assert len(after[path]) > 0.9 * len(before[path]), path


def _named(folder, said):
  return pathlib.Path(said.partition(': ')[0]).relative_to(folder)
