"""What a person sees while a sweep runs.

`Progress` is silent and the base of the others; `live` draws a table on a
terminal, and prints plain lines where the output is a file or a pipe.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
import importlib.util
import sys
import time
from typing import Any, TextIO

from rich import box as rich_box
from rich import console as rich_console
from rich import live as rich_live
from rich import table as rich_table
from rich import text as rich_text

from disentangle_jax import errors

_DAY = 86_400
_YEAR = 365.25 * _DAY


def duration(seconds: float) -> str:
  """Seconds in words a person reads: '48 s', '2 h 05 min', '3.2 days'."""
  seconds = round(seconds)
  if seconds >= _YEAR:
    return f'{seconds / _YEAR:,.1f} years'
  if seconds >= 2 * _DAY:
    return f'{seconds / _DAY:.1f} days'
  if seconds < 60:
    return f'{seconds} s'
  if seconds < 3600:
    return f'{seconds // 60} min {seconds % 60:02d} s'
  return f'{seconds // 3600} h {seconds % 3600 // 60:02d} min'


# Seconds of a page, and of each run in it (docs/performance.md).
_REPORT, _REPORT_PER_RUN = 6.0, 0.03


def report_time(runs: int) -> float:
  """Seconds that the page of so many runs takes on two cores, about."""
  return _REPORT + _REPORT_PER_RUN * runs


def group_name(group: Any) -> str:
  """'beta_vae, mlp, dsprites 16x16x1' for a group."""
  net = getattr(getattr(group.config, 'net', None), 'name', '')
  shape = 'x'.join(str(n) for n in group.dataset.observation_shape)
  parts = [group.method_name, net, f'{group.dataset.name} {shape}']
  return ', '.join(part for part in parts if part)


def _read(datasets: Iterable[Any]) -> list[str]:
  """What was read of own data, a line per set, joined ones included."""
  lines = {}
  for data in datasets:
    parts = (data, data.extras.get('secondary'))
    lines |= dict.fromkeys(
      part.extras.get('summary') for part in parts if part is not None
    )
  return [line for line in lines if line]


# Logged scalars that are shown while a group trains.
SCALARS = ('loss', 'kl')


class _Active:
  """A chunk on its way: one at a time on one machine, several on many."""

  def __init__(self, runs: int):
    self.runs = runs
    self.alive = runs
    self.step = 0
    self.rate = 0.0  # run-steps per second
    self.state = 'waiting'
    self.since = time.perf_counter()  # of the state


class _Row:
  """Where one group stands."""

  def __init__(self, name: str, runs: int, steps: int, batch_size: int):
    self.name = name
    self.runs = runs
    self.steps = steps
    self.batch_size = batch_size
    self.runs_done = 0
    self.lost = 0
    self.state = 'waiting'
    self.active: dict[Any, _Active] = {}
    self.rate = 0.0  # run-steps per second, the last that was seen
    self.compiled = False
    # Seconds that scoring took, and of how many runs.
    self.scoring, self.scored = 0.0, 0
    # Medians over live runs of the last window, those of SCALARS.
    self.scalars: Mapping[str, float] = {}

  @property
  def done(self) -> bool:
    """Whether nothing is left to do here."""
    return self.state in ('done', 'done before')

  @property
  def in_chunk(self) -> int:
    """Runs of the chunks on their way."""
    return sum(chunk.runs for chunk in self.active.values())

  @property
  def alive(self) -> int:
    """Those of them that are finite."""
    return sum(chunk.alive for chunk in self.active.values())

  @property
  def step(self) -> int:
    """Of the chunks on their way; the mean of several."""
    done = sum(chunk.runs * chunk.step for chunk in self.active.values())
    return done // max(1, self.in_chunk)

  def left(self) -> float:
    """Run-steps still to do."""
    current = sum(chunk.runs * chunk.step for chunk in self.active.values())
    return (self.runs - self.runs_done) * self.steps - current


class Progress:
  """Keeps the numbers; shows nothing."""

  def __init__(self):
    self.rows: list[_Row] = []
    self._began = time.perf_counter()
    self._compiles: list[float] = []
    # Whether a page is written at the end; its time is then told.
    self.writes_report = False
    # Called with (chunk, runs of it that diverged) when it is in the store.
    self.on_chunk: list[Callable[[Any, int], None]] = []

  def start(
    self,
    plan: Any,
    chunks: Sequence[Any],
    done: Sequence[Any],
    elsewhere: Sequence[Any] = (),
  ):
    """Called once, with all chunks.

    Args:
      plan: of the study.
      chunks: all of them.
      done: those that the store already holds.
      elsewhere: those that other hosts train.
    """
    self._began = time.perf_counter()
    self.rows = [
      _Row(group_name(g), len(g.runs), g.steps, g.batch_size)
      for g in plan.groups
    ]
    for chunk in elsewhere:
      self.rows[chunk.group].runs -= len(chunk.runs)
    for chunk in done:
      row = self.rows[chunk.group]
      row.runs_done += len(chunk.runs)
      if row.runs_done == row.runs:
        row.state = 'done before'
    skipped = sum(len(chunk.runs) for chunk in done)
    earlier = sum(bool(run.phase) for run in plan.runs)
    also = f' and {earlier} of earlier phases' if earlier else ''
    self.say(
      f'study {plan.study}: {len(plan.runs) - earlier} runs{also} in '
      f'{len(plan.groups)} group(s) and {len(chunks)} chunk(s)'
      + (f'; {skipped} runs are finished already' if skipped else '')
    )
    if elsewhere:
      count = sum(len(chunk.runs) for chunk in elsewhere)
      self.say(f'{count} runs are trained by other hosts')
    for line in _read(group.dataset for group in plan.groups):
      self.say(line)
    for note in plan.notes:
      self.say(f'note: {note}')
    self.refresh()

  def compiling(self, chunk: Any) -> None:
    """A program is being compiled for the chunk."""
    self._set(chunk, 'compiling')

  def window(self, chunk: Any) -> Callable[[int, int, Mapping], None]:
    """The callback that training calls with (step, runs alive, scalars)."""
    self._set(chunk, 'training')
    row = self.rows[chunk.group]
    active = row.active[_key(chunk)]
    active.alive, active.step = active.runs, 0
    last = [time.perf_counter(), 0]

    def on_window(step: int, alive: int, scalars: Mapping[str, float]) -> None:
      time_now = time.perf_counter()
      taken = max(time_now - last[0], 1e-9)
      active.rate = (step - last[1]) * active.runs / taken
      last[:] = [time_now, step]
      active.step, active.alive, row.scalars = step, alive, scalars
      row.rate = sum(one.rate for one in row.active.values())
      self.refresh()

    return on_window

  def scoring(self, chunk: Any) -> None:
    """Training of the chunk is over."""
    self._set(chunk, 'scoring')

  def chunk_done(self, chunk: Any, lost: int) -> None:
    """The chunk is in the store; `lost` of its runs diverged."""
    row = self.rows[chunk.group]
    row.runs_done += len(chunk.runs)
    row.lost += lost
    self._moved(row, _key(chunk), 'done')
    row.active.pop(_key(chunk), None)
    if row.runs_done == row.runs:
      row.state = 'done'
    elif not row.active:
      row.state = 'next chunk'
    self.refresh(force=True)
    for call in self.on_chunk:
      call(chunk, lost)

  def finish(self) -> None:
    """Called at the end, also after an error."""

  def say(self, text: str) -> None:
    """One line for the user."""

  def refresh(self, force: bool = False) -> None:
    """Numbers changed."""

  def seconds_left(self) -> float | None:
    """Time left at the last rates, until the report is written.

    Training, compiling what was not compiled yet, scoring and the report; what
    no group has shown yet is not counted. None before the first window.
    """
    known = [row for row in self.rows if row.rate]
    if not known:
      return None
    slowest = min(row.rate for row in known)
    left = sum(row.left() / (row.rate or slowest) for row in self.rows)
    open_rows = [row for row in self.rows if not row.done]
    if self._compiles:
      mean = sum(self._compiles) / len(self._compiles)
      left += mean * sum(not row.compiled for row in open_rows)
    scored = sum(row.scored for row in self.rows)
    if scored:
      each = sum(row.scoring for row in self.rows) / scored
      for row in open_rows:
        own = row.scoring / row.scored if row.scored else each
        left += own * (row.runs - row.runs_done)
    if self.writes_report:
      left += report_time(sum(row.runs for row in self.rows))
    return left

  def lost_chunk(self, chunk: Any) -> None:
    """The machine of a chunk is gone; another one will go on with it."""
    row = self.rows[chunk.group]
    row.active.pop(_key(chunk), None)
    row.state = 'training' if row.active else 'next chunk'
    self.refresh(force=True)

  def _moved(self, row: _Row, key: Any, state: str) -> None:
    """A chunk goes over to another state; what the last one took is kept."""
    active = row.active.get(key)
    if active is None:
      return
    time_now = time.perf_counter()
    seconds = time_now - active.since
    if active.state == 'compiling':
      self._compiles.append(seconds)
      row.compiled = True
    if active.state == 'scoring':
      row.scoring += seconds
      row.scored += active.runs
    active.state, active.since = state, time_now

  def _set(self, chunk: Any, state: str) -> None:
    row = self.rows[chunk.group]
    row.active.setdefault(_key(chunk), _Active(len(chunk.runs)))
    self._moved(row, _key(chunk), state)
    row.state = state
    if len(row.active) > 1 and state != 'training':
      # Of several the one that trains is told: it has numbers.
      states = {one.state for one in row.active.values()}
      row.state = 'training' if 'training' in states else state
    self.refresh(force=True)


def _key(chunk: Any) -> Any:
  """What tells a chunk from the others of its group."""
  return getattr(chunk, 'part', None)


class PlainProgress(Progress):
  """A line when something happened, and one every few seconds."""

  def __init__(self, stream: TextIO | None = None, every: float = 10.0):
    super().__init__()
    self._stream = stream or sys.stdout
    self._every = every
    self._last = -1e9
    self._shown = {}

  def say(self, text: str) -> None:
    try:
      print(text, file=self._stream, flush=True)
    except OSError as error:
      # A log on a full disk: no reason to stop training.
      if not errors.disk_full(error):
        raise

  def refresh(self, force: bool = False) -> None:
    if not force and time.perf_counter() - self._last < self._every:
      return
    self._last = time.perf_counter()
    for row in self.rows:
      line = _line(row)
      if row.state != 'waiting' and self._shown.get(row.name) != line:
        self._shown[row.name] = line
        left = self.seconds_left()
        tail = f', about {duration(left)} left' if left else ''
        elapsed = duration(time.perf_counter() - self._began)
        self.say(f'[{elapsed}] {line}{tail}')


def _line(row: _Row) -> str:
  done = f'{row.name}: {row.state}, {row.runs_done}/{row.runs} runs done'
  if row.lost:
    done += f', {row.lost} diverged'
  if row.state == 'training' and row.step:
    done += (
      f', step {row.step:,}/{row.steps:,}, {row.alive} alive, '
      f'{row.rate:,.0f} run-steps/s, {row.rate * row.batch_size:,.0f} images/s'
    )
    done += ''.join(
      f', {name} {value:.4g}' for name, value in row.scalars.items()
    )
  return done


class RichProgress(Progress):
  """A table that redraws itself on a terminal, four times a second.

  What is running stands on top and is always in view, with the clock above;
  what is done is one row, and of what waits as many rows as there is room for.
  """

  # Lines around the rows: title, frame and heading, the rows that fold.
  _FRAME = 7
  # Columns from which on the rate is shown.
  _WIDE = 100

  def __init__(self, console: rich_console.Console):
    super().__init__()
    self._console = console
    self._live = rich_live.Live(
      console=console, refresh_per_second=4, get_renderable=self.table
    )

  def start(self, plan, chunks, done, elsewhere=()):
    self._live.start()
    super().start(plan, chunks, done, elsewhere)

  def say(self, text: str) -> None:
    self._console.print(text, highlight=False)

  def finish(self) -> None:
    self.refresh(force=True)
    self._live.stop()

  def refresh(self, force: bool = False) -> None:
    if force:
      self._live.refresh()

  def table(self) -> rich_table.Table:
    """The table as it is now."""
    elapsed = duration(time.perf_counter() - self._began)
    left = self.seconds_left()
    title = f'{elapsed} elapsed'
    if left:
      title += f', about {duration(left)} left'
    table = rich_table.Table(
      title=title,
      title_justify='left',
      title_style='',
      expand=False,
      padding=(0, 1, 0, 0),
      box=rich_box.SIMPLE_HEAD,
    )
    # The one column that gives way on a narrow terminal.
    table.add_column('group')
    for name in ('runs', 'step', 'alive', *SCALARS):
      table.add_column(name, justify='right', no_wrap=True)
    table.add_column('now', no_wrap=True)
    if self._console.width >= self._WIDE:
      table.add_column('run-steps/s', justify='right', no_wrap=True)
    add = lambda cells: table.add_row(*cells[: len(table.columns)])
    over = [row for row in self.rows if row.done]
    waiting = [row for row in self.rows if row.state == 'waiting']
    going = [row for row in self.rows if row not in over and row not in waiting]
    for row in going:
      add(_cells(row))
    room = max(self._console.height - self._FRAME - len(going), 0)
    for row in waiting[:room]:
      add(_cells(row))
    if len(waiting) > room:
      table.add_row(*_folded(waiting[room:], 'waiting')[: len(table.columns)])
    if over:
      add(_folded(over, 'done'))
    return table


def _name(name: str, lost: int) -> rich_text.Text:
  """One line, cut where there is no room."""
  words = rich_text.Text(no_wrap=True, overflow='ellipsis')
  words.append(name)
  if lost:
    words.append(f', {lost} diverged', 'red')
  return words


def _cells(row: _Row) -> list[Any]:
  active = row.state == 'training'
  values = (row.scalars.get(name) for name in SCALARS)
  return [
    _name(row.name, row.lost),
    f'{row.runs_done}/{row.runs}',
    f'{row.step:,}/{row.steps:,}' if active else '',
    f'{row.alive}/{row.in_chunk}' if active else '',
    *('' if v is None or not active else f'{v:.4g}' for v in values),
    row.state,
    f'{row.rate:,.0f}' if row.rate else '',
  ]


def _folded(rows: Sequence[_Row], state: str) -> list[Any]:
  """Several groups in one row."""
  runs = sum(row.runs for row in rows)
  done = sum(row.runs_done for row in rows)
  name = _name(f'{len(rows)} groups', sum(row.lost for row in rows))
  return [name, f'{done}/{runs}', *[''] * (2 + len(SCALARS)), state, '']


def live(stream: TextIO | None = None) -> Progress:
  """A table on a terminal and in a notebook, plain lines elsewhere."""
  console = rich_console.Console(file=stream)
  # Rich draws into a notebook by ipywidgets, and only warns without it.
  widgets = importlib.util.find_spec('ipywidgets') is not None
  if console.is_terminal or (console.is_jupyter and widgets):
    return RichProgress(console)
  return PlainProgress(stream)


def usual() -> Progress:
  """What a sweep from Python shows: a table in a notebook, else nothing."""
  return live() if rich_console.Console().is_jupyter else Progress()
