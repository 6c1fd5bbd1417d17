"""Pictures of trained runs, drawn anew from their parameters.

What a report embeds comes from the samples that a sweep left. Here a run is
loaded and decodes whatever is asked for: traversals around any observation or
the prior's centre, over the range that the latent really uses, still or moving;
paths between two observations; the latents of several seeds side by side.
"""

from collections.abc import Sequence
import pathlib

import numpy as np
import PIL.Image

from disentangle_jax import errors
from disentangle_jax.data import contact
from disentangle_jax.engine import restore
from disentangle_jax.report import traversals

SPANS = ('posterior', 'prior')
_NUM_POINTS = 512  # observations that the posterior's spread is taken over


def latent_values(
  run: restore.TrainedRun, steps: int, width: float, span: str
) -> np.ndarray:
  """Values to walk every latent through.

  Args:
    run: with Gaussian latents, for span 'posterior'.
    steps: number of values T.
    width: half the range, in standard deviations.
    span: 'posterior': of the aggregate posterior, mean and standard deviation
      of q(z_d) = E_x q(z_d|x), so that a latent is shown where it lives; or
      'prior': of N(0, 1).

  Returns:
    float32 [D, T].

  Raises:
    ConfigError: unknown span, fewer than two steps or no width.
  """
  if span not in SPANS:
    raise errors.choices('span', span, SPANS)
  if steps < 2:
    raise errors.value('steps', steps, 'must be at least 2')
  if not width > 0:
    raise errors.value('width', width, 'must be > 0')
  walk = np.linspace(-width, width, steps, dtype=np.float32)
  size = run.num_latents
  centre, deviation = np.zeros(size), np.ones(size)
  if span == 'posterior' and run.method.represent is not None:
    parts = run.represent(run.sample(_NUM_POINTS)['observation']).parts
    mean, logvar = np.asarray(parts['mean']), np.asarray(parts['logvar'])
    known = mean.shape[1]  # classes may stand behind the Gaussian latents
    centre[:known] = mean.mean(0)
    deviation[:known] = np.sqrt(mean.var(0) + np.exp(logvar).mean(0))
  values = centre[:, None] + deviation[:, None] * walk
  return values.astype(np.float32)


def samples(
  run: restore.TrainedRun,
  observation: np.ndarray | None = None,
  steps: int = 9,
  width: float = 2.0,
  span: str = 'posterior',
  count: int = 8,
  seed: int = 0,
) -> traversals.Samples:
  """Traversals and reconstructions of a run.

  Args:
    run: with a decoder.
    observation: [H, W, C] to walk around; None for the centre of the prior.
    steps: values per latent.
    width: half the range, in standard deviations.
    span: see `latent_values`.
    count: observations to reconstruct.
    seed: which observations.

  Returns:
    As a sweep leaves them; `values` is the walk in standard deviations.

  Raises:
    ConfigError: no decoder, or values out of range.
  """
  values = latent_values(run, steps, width, span)
  moved = contact.to_uint8(run.traverse(observation, values))
  none = np.zeros((0, *moved.shape[2:]), np.uint8)
  shown, rebuilt, kl = none, none, np.full(len(moved), np.nan, np.float32)
  if run.method.represent is not None:
    images = run.sample(count, seed)['observation']
    vector = run.represent(images).vector
    shown, rebuilt = (
      contact.to_uint8(images),
      contact.to_uint8(run.decode(vector)),
    )
    known = run.kl()
    kl[: len(known)] = known
  walk = np.linspace(-width, width, steps, dtype=np.float32)
  return traversals.Samples(moved, walk, shown, rebuilt, kl)


def interpolation(
  run: restore.TrainedRun, first: np.ndarray, last: np.ndarray, steps: int = 9
) -> np.ndarray:
  """Images on the straight line between the codes of two observations.

  Args:
    run: with encoder and decoder.
    first: [H, W, C].
    last: [H, W, C].
    steps: number of images T.

  Returns:
    uint8 [T + 2, H, W, C]: the first observation, T decoded codes, the last.
  """
  ends = run.represent(np.stack([first, last])).vector
  share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
  path = contact.to_uint8(run.decode((1 - share) * ends[0] + share * ends[1]))
  return np.concatenate(
    [contact.to_uint8(first)[None], path, contact.to_uint8(last)[None]]
  )


def seed_sheet(
  runs: Sequence[restore.TrainedRun],
  observation: np.ndarray,
  width: float = 2.0,
  latents: int = 10,
) -> np.ndarray:
  """How runs differ: a row per run, its latents by KL, each low to high.

  Args:
    runs: on the same data set.
    observation: [H, W, C] that all walk around.
    width: half the range, in standard deviations of the posterior.
    latents: at most so many per run.

  Returns:
    uint8 [height, width, 3]; three images per latent, a gap after them.
  """
  rows = []
  for run in runs:
    drawn = samples(run, observation, 3, width, count=1)
    order = traversals.by_kl(drawn)[:latents]
    rows.append([traversals.grid(drawn.traversals[[d]]) for d in order])
  most = max(len(row) for row in rows)
  empty = np.full_like(rows[0][0], traversals.GROUND)
  gap = lambda height: np.full((height, 8, 3), 255, np.uint8)
  sheets = []
  for row in rows:
    tiles = row + [empty] * (most - len(row))
    spaced = [part for tile in tiles for part in (tile, gap(len(tile)))]
    sheets.append(np.concatenate(spaced[:-1], axis=1))
    sheets.append(np.full((4, sheets[0].shape[1], 3), 255, np.uint8))
  return np.concatenate(sheets[:-1], axis=0)


def frames(drawn: traversals.Samples, least: int = 64) -> np.ndarray:
  """A film of all latents at once, there and back.

  Args:
    drawn: traversals of one run.
    least: height to enlarge the tiles to, pixels.

  Returns:
    uint8 [2 T - 2, height, width, 3], one tile per latent, sorted by KL.
  """
  moved = drawn.traversals[traversals.by_kl(drawn)]
  steps = moved.shape[1]
  order = [*range(steps), *range(steps - 2, 0, -1)]
  columns = min(len(moved), 5)
  rows = -(-len(moved) // columns)
  left = rows * columns - len(moved)
  blank = np.full((left, *moved.shape[1:]), traversals.GROUND, np.uint8)
  tiles = np.concatenate([moved, blank]).reshape(
    rows, columns, *moved.shape[1:]
  )
  return np.stack([traversals.grid(tiles[:, :, t], least) for t in order])


def save_film(film: np.ndarray, path: pathlib.Path, seconds: float = 2.0):
  """Writes an endless .gif or .webp.

  Args:
    film: uint8 [T, height, width, 3].
    path: its ending decides.
    seconds: for one turn.
  """
  images = [PIL.Image.fromarray(frame) for frame in film]
  images[0].save(
    path,
    save_all=True,
    append_images=images[1:],
    duration=max(20, round(1000 * seconds / len(images))),
    loop=0,
    lossless=True,  # of WebP; pixels of small images stay sharp
  )
