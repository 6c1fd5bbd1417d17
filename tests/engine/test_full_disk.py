"""A disk that is full while a study runs: one line, and no run is lost.

The disk is full for the files of one kind, in this process and in those that
it starts: `sitecustomize` of FULL is the first thing that they import.
"""

import errno
import os
import pathlib
import sys

import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import errors, folders, report
from disentangle_jax.commands import cli, watching
from disentangle_jax.engine import progress
from disentangle_jax.engine.workdir import store

ROOT = pathlib.Path(__file__).parents[2]
NO_SPACE = 'cannot be written (No space left on device)'
FULL = """
import errno
import pathlib

_write = pathlib.Path.write_bytes


def write_bytes(self, content):
  if {part!r} not in self.name:
    return _write(self, content)
  _write(self, content[: len(content) // 2])
  raise OSError(errno.ENOSPC, 'No space left on device', str(self))


pathlib.Path.write_bytes = write_bytes
"""


@pytest.fixture
def full(monkeypatch, tmp_path_factory):
  """Makes the disk full for files whose name holds a text."""

  def fill(part):
    site = tmp_path_factory.mktemp('site')
    code = FULL.format(part=part)
    (site / 'sitecustomize.py').write_text(code)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(site), str(ROOT)]))
    # What the code sets is undone with the fixture.
    own = pathlib.Path.write_bytes
    monkeypatch.setattr(pathlib.Path, 'write_bytes', own)
    exec(code, {})

  return fill


def study():
  """Two chunks of four runs, one on each device."""
  config = tiny_config()
  config.methods, config.metrics, config.sweep = ('beta_vae',), ('kl',), None
  config.seeds, config.engine.runs_per_chunk = 8, 4
  config.engine.keep_samples = False
  return config


class Heard(progress.Progress):
  """Keeps the lines, and whether the end was told."""

  def __init__(self):
    super().__init__()
    self.lines, self.finished = [], False

  def say(self, text):
    self.lines.append(text)

  def finish(self):
    self.finished = True


def test_no_page_can_be_written_and_the_study_goes_on(
  tmp_path, full, monkeypatch
):
  """Pages by the very processes that a sweep starts; the last one its own."""
  workdir, heard = tmp_path / 'study', Heard()
  folders.page(workdir, 'index').parent.mkdir(parents=True)
  folders.page(workdir, 'index').write_text('the page before')
  full('index.html')
  pages = watching.Pages(workdir, heard.say, clock=lambda: 0.0)
  started, start = [], watching.subprocess.Popen
  monkeypatch.setattr(
    watching.subprocess,
    'Popen',
    lambda *args, **more: started.append(start(*args, **more)) or started[-1],
  )

  def written(chunk, lost):
    pages.chunk_done(chunk, lost)
    for process in started:
      process.wait(120)

  heard.on_chunk.append(written)
  rows = dj.sweep(study(), workdir, progress=heard)
  pages.chunk_done(None, 0)
  pages.stop()
  assert rows['run_id'].nunique() == 8
  # Two by chunks, whose failures are told; the third is stopped.
  assert [process.returncode for process in started][:2] == [2, 2]
  page = folders.page(workdir, 'index')
  (note,) = (line for line in heard.lines if 'page' in line)
  assert note == (
    f'note: the page is not written again: {page}: {NO_SPACE}; the one before '
    'stays, and the study goes on'
  )
  notices = watching.Notices(
    f'echo $DISENTANGLE_EVENT > {tmp_path}/word', workdir, heard.say
  )
  with pytest.raises(errors.StoreError) as caught:
    watching.last_page(workdir, lambda: report.write(workdir), notices)
  said = str(caught.value)
  assert '\n' not in said
  assert said.startswith('the runs are done and kept, and their page could not')
  assert NO_SPACE in said
  again = f'experiments.report --workdir={workdir}'
  assert said.endswith(again) or f'report --workdir={workdir}' in said
  assert (tmp_path / 'word').read_text() == 'failed\n'
  assert page.read_text() == 'the page before'
  assert not list(workdir.rglob('*.tmp'))
  assert store.finished(workdir) == set(rows['run_id'])


def test_rows_that_cannot_be_written_end_it_with_a_line(
  tmp_path, full, monkeypatch
):
  """What is in the store stays, and the same call does the rest."""
  config, heard = study(), Heard()
  with monkeypatch.context() as patch:
    patch.setattr(heard, 'on_chunk', [lambda chunk, lost: full('.parquet')])
    with pytest.raises(errors.StoreError) as caught:
      dj.sweep(config, tmp_path, progress=heard)
  assert str(caught.value).endswith(NO_SPACE) and heard.finished
  before = store.read(tmp_path)
  assert before['run_id'].nunique() == 4
  assert not list(tmp_path.rglob('*.tmp'))
  monkeypatch.undo()
  rows = dj.sweep(config, tmp_path)
  assert rows['run_id'].nunique() == 8
  assert len(rows) == 2 * len(before)


def test_a_log_on_a_full_disk_stops_nothing():
  class Log:
    def write(self, text):
      raise OSError(errno.ENOSPC, 'No space left on device')

    def flush(self):
      pass

  progress.PlainProgress(Log()).say('a line')


def test_any_file_of_a_command_is_one_line(capsys):
  def main(argv):
    raise OSError(errno.ENOSPC, 'No space left on device', 'figures/a.pdf')

  with pytest.raises(SystemExit) as ended:
    cli.guarded(main)(sys.argv[:1])
  assert ended.value.code == 2
  assert capsys.readouterr().err == f'error: figures/a.pdf: {NO_SPACE}\n'
