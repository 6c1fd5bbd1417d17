"""The sheets of a run: what is drawn of it, in the order it is shown."""

from typing import NamedTuple

import numpy as np

from disentangle_jax.report import traversals, words

_NONE = np.zeros((0, 1, 1, 3), np.uint8)
_WHOLE = ('traversals', 'reconstructions', 'generated')


class Sheet(NamedTuple):
  """One sheet: a picture, a film, or sentences.

  Attributes:
    name: 'traversals', 'reconstructions', 'generated', 'pictures/<name>' or
      'texts/<name>'.
    heading: what stands above it; '' where nothing needs to.
    frames: uint8 [F, height, width, 3]; none where it is of sentences.
    lines: the sentences; () where it is a picture.
    note: how to read it; ''.
  """

  name: str
  heading: str
  frames: np.ndarray
  lines: tuple[words.Line, ...]
  note: str

  @property
  def weight(self) -> int:
    """Its share of the room that a page has for a run."""
    return 3 if self.name == 'traversals' else 1


def of_run(samples: traversals.Samples) -> list[Sheet]:
  """All sheets that a run can be shown by.

  Args:
    samples: of one run.

  Returns:
    Traversals, reconstructions, draws from the model, then the pictures and
    texts that the method gives of its own, by name; those that there are.
  """
  made = []
  for name in _WHOLE:
    needs = [getattr(samples, name)]
    if name == 'reconstructions':
      needs.append(samples.observations)
    if not all(array.size for array in needs):
      continue
    heading = 'drawn from the model' if name == 'generated' else ''
    if samples.kind == 'tokens':
      lines = _lines(samples, name)
      made.append(Sheet(name, heading or name, _NONE, lines, ''))
    else:
      frames = traversals.frames_of(samples, name)
      note = traversals.note_of(samples, name)
      made.append(Sheet(name, heading, frames, (), note))
  for name in samples.pictures:
    frames = traversals.frames_of(samples, f'pictures/{name}')
    heading = name.replace('_', ' ')
    made.append(Sheet(f'pictures/{name}', heading, frames, (), ''))
  for name, tokens in samples.texts.items():
    lines = tuple(words.plain(tokens, samples.vocabulary))
    heading = name.replace('_', ' ')
    made.append(Sheet(f'texts/{name}', heading, _NONE, lines, ''))
  return made


def _lines(samples: traversals.Samples, name: str) -> tuple[words.Line, ...]:
  if name == 'traversals':
    return tuple(words.traversals_of(samples))
  if name == 'reconstructions':
    return tuple(words.reconstructions_of(samples))
  return tuple(words.plain(samples.generated, samples.vocabulary))
