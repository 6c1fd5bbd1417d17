"""What users call a run: its number, or the beginning of its run_id.

Numbers move when seeds or strengths are added; a run_id never does.
"""

from collections.abc import Iterable, Mapping
import difflib

from disentangle_jax import errors

# Fewer characters of a run_id are more likely a slip than a name.
LEAST = 4


def find(handle: int | str, numbers: Mapping[str, int], field: str) -> str:
  """The run that a handle names.

  Args:
    handle: a number, or at least LEAST characters that a run_id begins with; of
      digits alone, a number that exists comes first.
    numbers: run_id -> number of the runs there are.
    field: where the handle was given, for the error.

  Returns:
    Its run_id.

  Raises:
    ConfigError: no such run, or several.
  """
  text = str(handle).strip()
  if text.isdecimal():
    own = [run_id for run_id, n in numbers.items() if n == int(text)]
    if own:
      return own[0]
  alike = [run_id for run_id in numbers if run_id.startswith(text)]
  if len(text) >= LEAST and len(alike) == 1:
    return alike[0]
  if len(text) >= LEAST and alike:
    rule = f'begins the run_ids of {len(alike)} runs: {", ".join(alike[:3])}'
    raise errors.value(field, handle, f'{rule}; give more of it')
  legal = 'none yet'
  if numbers:
    legal = (
      f'{min(numbers.values())} to {max(numbers.values())}, or the first '
      f'{LEAST} characters or more of a run_id'
    )
  near = _near(text, numbers)
  hint = f'; the nearest: {", ".join(near)}' if near else ''
  raise errors.value(
    field, handle, f'no such finished run{hint}; there are {legal}'
  )


def _near(text: str, numbers: Mapping[str, int]) -> list[str]:
  """The three runs, or fewer, that are nearest: 'NUMBER (RUN_ID)'."""
  if text.isdecimal() and len(text) < LEAST:
    far = lambda run_id: abs(numbers[run_id] - int(text))
    near = sorted(numbers, key=lambda run_id: (far(run_id), numbers[run_id]))
  else:
    # What is typed is the beginning of one: equally long ones are compared.
    starts = {run_id[: len(text)]: run_id for run_id in numbers}
    near = [
      starts[start]
      for start in difflib.get_close_matches(text, starts, n=3, cutoff=0.0)
    ]
  return [f'{numbers[run_id]} ({run_id[: LEAST + 2]})' for run_id in near[:3]]


def moved(
  before: Mapping[str, int], after: Mapping[str, int], most: int = 6
) -> str:
  """Which runs have another number than before, in one line; '' if none.

  Args:
    before: run_id -> number.
    after: the same, now.
    most: runs that are listed.
  """
  pairs = [
    (number, after[run_id], run_id)
    for run_id, number in sorted(before.items(), key=lambda item: item[1])
    if after.get(run_id, number) != number
  ]
  if not pairs:
    return ''
  listed = ', '.join(
    f'{old} is now {new} ({run_id[: LEAST + 2]})'
    for old, new, run_id in pairs[:most]
  )
  more = ', ...' if len(pairs) > most else ''
  return f'{len(pairs)} run numbers moved: {listed}{more}; run_ids stay'


def split(text: str) -> Iterable[str]:
  """The parts of '3,5-8,ab12f0', blanks left out."""
  return filter(None, (part.strip() for part in text.split(',')))
