"""What is known of a chunk before it has ended: curves, status, word, page."""

import io
import json
import math
import sys
import time
import types

import numpy as np
import pytest
from rich import console as rich_console
from rich import table as rich_table
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders, report, stored_rows
from disentangle_jax.commands import status, watching
from disentangle_jax.engine import progress
from disentangle_jax.engine.workdir import live, store

ABOUT = {'group': 'g', 'runs': ['a', 'b'], 'steps': 100, 'batch_size': 8}


def losses(*values):
  return {'loss': np.array(values, np.float32), 'kl/3': np.ones(len(values))}


def curves(folder, lines=None):
  say = print if lines is None else lines.append
  return live.Curves(folder, 'p', ABOUT, say)


def test_windows_come_one_by_one_and_latents_wait_for_the_rows(tmp_path):
  writer = curves(tmp_path)
  writer.begin(0)
  for step in (10, 20):
    writer.window(step, 2, losses(step, step + 1))
    (chunk,) = stored_rows.training(tmp_path)
    assert chunk.step == step and chunk.about == ABOUT
  assert [w['loss'] for w in chunk.windows] == [[10, 11], [20, 21]]
  assert 'kl/3' not in chunk.windows[0]
  writer.finished()
  assert not stored_rows.training(tmp_path)
  assert not (tmp_path / 'live').exists()


def test_a_killed_chunk_goes_on_in_its_curves(tmp_path):
  writer = curves(tmp_path)
  writer.begin(0)
  for step in (10, 20, 30):
    writer.window(step, 2, losses(1, 2))
  path = folders.live(tmp_path, 'p')
  with path.open('a') as file:
    file.write('{"step": 40, "lo')  # killed in the middle of a line
  again = curves(tmp_path)
  again.begin(20)  # its checkpoint
  again.window(30, 1, losses(math.nan, 3))
  (chunk,) = stored_rows.training(tmp_path)
  assert [w['step'] for w in chunk.windows] == [10, 20, 30]
  assert chunk.windows[-1]['alive'] == 1
  live.clean(tmp_path, ['p'])
  assert stored_rows.training(tmp_path)
  live.clean(tmp_path, ['other'])
  assert not stored_rows.training(tmp_path)


def test_a_file_that_cannot_be_written_is_said_once(tmp_path):
  (tmp_path / 'live').write_text('in the way')
  lines = []
  writer = curves(tmp_path, lines)
  writer.begin(0)
  writer.window(10, 2, losses(1, 2))
  assert len(lines) == 1 and 'cannot be written' in lines[0]


def test_rate_is_the_median_so_that_a_pause_does_not_count():
  at = lambda step, seconds: {'step': step, 'time': seconds, 'alive': 1}
  windows = [at(0, 0.0), at(10, 1.0), at(20, 100.0), at(30, 101.0)]
  chunk = stored_rows.Training('p', ABOUT, windows)
  assert chunk.rate() == 10.0
  assert math.isnan(stored_rows.Training('p', ABOUT, windows[:1]).rate())


def study():
  config = tiny_config()
  config.methods, config.metrics = ('beta_vae',), ('kl',)
  config.sweep, config.seeds = None, 2
  return config


@pytest.fixture(scope='module')
def stopped(tmp_path_factory):
  """A study whose only chunk was killed in the middle of training."""
  folder = tmp_path_factory.mktemp('stopped')
  config = study()

  class Killed(BaseException):
    """Nothing catches it."""

  class Killer(progress.Progress):
    def window(self, chunk):
      inner = super().window(chunk)

      def on_window(step, alive, scalars):
        inner(step, alive, scalars)
        if step >= config.steps // 2:
          raise Killed

      return on_window

  with pytest.raises(Killed):
    dj.sweep(config, folder, progress=Killer())
  return folder


def test_a_sweep_leaves_its_curves_when_it_is_killed(stopped):
  (chunk,) = stored_rows.training(stopped)
  assert 0 < chunk.step < chunk.about['steps'] == study().steps
  assert len(chunk.about['runs']) == 2 and not len(store.read(stopped))
  assert all(len(window['loss']) == 2 for window in chunk.windows)
  view = status.look(stopped)
  assert not view.over
  assert (
    f'step {chunk.step:,}/{study().steps:,}, 2/2 alive, loss' in (view.lines[0])
  )
  page = report.write(stopped, figures='none', refresh=60).read_text()
  assert 'In training' in page and f'{chunk.step:,} of' in page
  assert 'http-equiv="refresh" content="60"' in page


def test_it_goes_on_and_takes_them_away(stopped):
  rows = dj.sweep(study(), stopped)
  assert rows['run_id'].nunique() == 2
  assert not stored_rows.training(stopped) and not (stopped / 'live').exists()
  assert status.look(stopped).over
  page = report.write(stopped, figures='none').read_text()
  assert 'In training' not in page and 'http-equiv="refresh"' not in page


def test_watching_ends_with_the_study(stopped, capsys):
  dj.sweep(study(), stopped)
  status.watch(stopped, every=0.0)
  assert '2 of 2 runs finished' in capsys.readouterr().out


def test_a_terminal_sees_the_table_until_all_is_done(monkeypatch):
  views = [
    status.View(rich_table.Table(f'look {n}'), [f'{n} of 2'], n == 2)
    for n in range(3)
  ]
  monkeypatch.setattr(status, 'look', lambda workdir: views.pop(0))
  screen = io.StringIO()
  console = rich_console.Console(
    file=screen, force_terminal=True, color_system=None, width=80, height=24
  )
  monkeypatch.setattr(status.rich_console, 'Console', lambda: console)
  status.watch('anywhere', every=0.0)
  shown = screen.getvalue()
  assert not views
  for n in range(3):
    assert f'look {n}' in shown and f'{n} of 2' in shown


def test_a_pipe_sees_what_changed_a_line_at_a_time(monkeypatch, capsys):
  views = [
    status.View(rich_table.Table(), ['a', f'{n // 2} of 2'], n == 4)
    for n in range(5)
  ]
  monkeypatch.setattr(status, 'look', lambda workdir: views.pop(0))
  status.watch('anywhere', every=0.0)
  assert capsys.readouterr().out.splitlines() == [
    'a',
    '0 of 2',
    '1 of 2',
    '2 of 2',
  ]


def test_time_left_counts_compile_scoring_and_report(monkeypatch):
  clock = [0.0]
  monkeypatch.setattr(progress.time, 'perf_counter', lambda: clock[0])
  group = types.SimpleNamespace(
    method_name='m',
    config=None,
    dataset=types.SimpleNamespace(name='d', observation_shape=(8,), extras={}),
    runs=(1, 2, 3, 4),
    steps=100,
    batch_size=8,
  )
  runs = [types.SimpleNamespace(phase='')] * 8
  plan = types.SimpleNamespace(
    study='s', groups=[group, group], runs=runs, notes=()
  )
  chunk = lambda g: types.SimpleNamespace(group=g, runs=(1, 2))
  shown = progress.Progress()
  shown.start(plan, [chunk(g) for g in (0, 0, 1, 1)], [])
  shown.compiling(chunk(0))
  clock[0] = 5.0
  window = shown.window(chunk(0))
  clock[0] = 15.0
  window(100, 2, {})
  shown.scoring(chunk(0))
  clock[0] = 18.0
  shown.chunk_done(chunk(0), 0)
  # 20 run-steps a second: 6 runs of 100 steps; one compile of 5 s; 6 runs at
  # 1.5 s.
  assert shown.seconds_left() == pytest.approx(600 / 20 + 5 + 9)
  shown.writes_report = True
  assert shown.seconds_left() == pytest.approx(44 + progress.report_time(8))


def test_the_users_command_hears_of_the_end_and_of_runs_that_diverged(tmp_path):
  out = tmp_path / 'said'
  command = f'echo "$DISENTANGLE_EVENT: $DISENTANGLE_TEXT" >> {out}'
  lines = []
  notices = watching.Notices(command, tmp_path, lines.append)
  chunk = types.SimpleNamespace(runs=(1, 2, 3))
  notices.chunk_done(chunk, 0)
  notices.chunk_done(chunk, 2)
  notices.wait()
  notices.send('finished', 'done')
  notices.wait()
  assert out.read_text().splitlines() == [
    'diverged: 2 of 3 runs of a chunk diverged',
    'finished: done',
  ]
  assert not lines
  failing = watching.Notices('exit 3', tmp_path, lines.append)
  failing.send('finished', '')
  failing.wait()
  assert 'ended with code 3' in lines[0]


def test_pages_are_written_again_for_at_most_a_tenth_of_the_time(monkeypatch):
  started, clock = [], [0.0]

  class Process:
    def __init__(self, command, **more):
      started.append(command)
      self.code, self.stderr = None, None

    @property
    def returncode(self):
      return self.code

    def poll(self):
      return self.code

    def terminate(self):
      self.code = -15

    def wait(self):
      return self.code

  made = []
  monkeypatch.setattr(
    watching.subprocess,
    'Popen',
    lambda *a, **k: made.append(Process(*a, **k)) or made[-1],
  )
  pages = watching.Pages('w', print, lambda: clock[0])
  pages.chunk_done(None, 0)
  assert started[0][-5:][0] == 'disentangle_jax' and '--refresh' in started[0]
  assert sys.executable in started[0] and '--workdir=w' in started[0]
  clock[0] = 5.0
  pages.chunk_done(None, 0)  # still being written
  made[0].code = 0
  clock[0] = 8.0
  pages.chunk_done(None, 0)  # took 8 s: not before 80 s more
  assert len(made) == 1
  clock[0] = 89.0
  pages.chunk_done(None, 0)
  assert len(made) == 2
  pages.stop()
  assert made[1].code == -15


def test_a_line_of_json_holds_nan_as_python_reads_it(tmp_path):
  writer = curves(tmp_path)
  writer.begin(0)
  writer.window(10, 0, losses(math.nan, math.inf))
  (chunk,) = stored_rows.training(tmp_path)
  assert math.isnan(chunk.windows[0]['loss'][0])
  assert json.dumps(chunk.windows[0]['loss'][1]) == 'Infinity'
  assert time.time() - chunk.windows[0]['time'] < 60
