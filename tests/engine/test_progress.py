"""What a terminal shows while a study of many groups runs."""

import io
import time
import types

import pytest
from rich import console as rich_console

from disentangle_jax.engine import progress


def group(number):
  return types.SimpleNamespace(
    method_name=f'beta_vae_{number}',
    config=types.SimpleNamespace(net=types.SimpleNamespace(name='mlp')),
    dataset=types.SimpleNamespace(
      name='dsprites', observation_shape=(64, 64, 1), extras={}
    ),
    runs=range(10),
    steps=2000,
    batch_size=64,
  )


def chunk(number):
  return types.SimpleNamespace(group=number, runs=range(10))


@pytest.fixture
def live():
  """The table of 12 groups on a terminal of 80 x 24."""
  console = rich_console.Console(
    file=io.StringIO(), force_terminal=True, width=80, height=24
  )
  table = progress.RichProgress(console)
  plan = types.SimpleNamespace(
    study='many',
    groups=[group(number) for number in range(12)],
    runs=[types.SimpleNamespace(phase='')] * 120,
    notes=(),
  )
  table.start(plan, [chunk(n) for n in range(12)], [])
  yield table
  table.finish()


def lines_of(live):
  console = rich_console.Console(
    file=io.StringIO(),
    width=80,
    height=24,
    force_terminal=True,
    color_system=None,
  )
  console.print(live.table())
  return console.file.getvalue().splitlines()


def test_the_running_row_clock_and_time_left_are_always_in_view(live):
  for number in range(7):
    live.window(chunk(number))(2000, 10, {'loss': 40.0})
    live.chunk_done(chunk(number), lost=int(number == 2))
  live.compiling(chunk(7))
  on_window = live.window(chunk(7))
  on_window(500, 9, {'loss': 41.25, 'kl': 12.5})
  lines = lines_of(live)
  assert len(lines) <= 24 and max(map(len, lines)) <= 80
  assert 'elapsed' in lines[0] and 'about' in lines[0] and 'left' in lines[0]
  (running,) = (line for line in lines if 'training ' in line and '500' in line)
  for words in ('beta_vae_7', '9/10', '41.25', '12.5', '500/2,000'):
    assert words in running, running
  # Nothing but the heading is above it.
  assert lines.index(running) <= 4
  (over,) = (line for line in lines if 'groups' in line)
  assert '7 groups, 1 diverged' in over and '70/70' in over
  assert sum('waiting' in line for line in lines) == 4


def test_what_waits_folds_where_there_is_no_room(live):
  live.rows *= 3
  live.rows[0].state = 'compiling'
  lines = lines_of(live)
  assert len(lines) <= 24
  assert any('compiling' in line for line in lines)
  assert any('groups' in line and 'waiting' in line for line in lines)


def test_the_clock_ticks_without_an_event(live, monkeypatch):
  before, now = lines_of(live)[0], time.perf_counter()
  monkeypatch.setattr(time, 'perf_counter', lambda: now + 3600)
  assert before.startswith('0 s') and lines_of(live)[0].startswith('1 h 00 min')


@pytest.mark.parametrize(
  'notebook, widgets, shown',
  [
    (False, True, progress.Progress),
    (True, True, progress.RichProgress),
    (True, False, progress.PlainProgress),
  ],
)
def test_a_notebook_shows_progress_by_default(
  monkeypatch, notebook, widgets, shown
):
  monkeypatch.setattr(
    rich_console, '_is_jupyter', lambda: notebook, raising=True
  )
  found = lambda name: (widgets and name == 'ipywidgets') or None
  monkeypatch.setattr(progress.importlib.util, 'find_spec', found)
  assert type(progress.usual()) is shown


def test_a_file_gets_lines():
  assert type(progress.live(io.StringIO())) is progress.PlainProgress


@pytest.mark.parametrize(
  'seconds, words',
  [
    (48, '48 s'),
    (200, '3 min 20 s'),
    (7500, '2 h 05 min'),
    (40 * 3600, '40 h 00 min'),
    (3.2 * 86400, '3.2 days'),
    (1.9 * 365.25 * 86400, '1.9 years'),
  ],
)
def test_durations_as_a_person_reads_them(seconds, words):
  assert progress.duration(seconds) == words
