"""What was read of a user's own data, in one line: `extras['summary']`."""

from collections.abc import Sequence

from disentangle_jax.data import levels as levels_lib


def line(
  name: str,
  count: int,
  shape: Sequence[int],
  notes: Sequence[str],
  names: Sequence[str],
  levels: levels_lib.Levels,
  *,
  kind: str = 'image',
  grid: bool = False,
  tests: int = 0,
) -> str:
  """The line.

  Args:
    name: of the set, and of the file.
    count: number of images.
    shape: of one.
    notes: what the pixels were taken for, what was left out.
    names: K names of factors.
    levels: theirs.
    kind: of observations.
    grid: whether the factors are a grid.
    tests: number of further images, for judges.

  Returns:
    E.g. 'data npz a.npz: 24 images 8 x 8 x 1, 0/1 as black/white; factors row
    4, col 6 (grid)'.
  """
  noun = {'video': 'videos', 'voxels': 'solids'}.get(kind, 'images')
  size = ' x '.join(map(str, shape))
  extra = [f'{tests} more for tests'] if tests else []
  read = ', '.join([f'{count} {noun} {size}', *filter(None, notes), *extra])
  if not names:
    return f'data {name}: {read}; no factors'
  columns = zip(names, levels.values, levels.words)
  factors = ', '.join(levels_lib.describe(*column) for column in columns)
  arranged = 'grid' if grid else 'rows'
  return f'data {name}: {read}; factors {factors} ({arranged})'
