"""What trained runs show, drawn anew from their parameters.

What a report embeds comes from the samples that a sweep left. Here a run is
loaded and decodes whatever is asked for: traversals around any observation or
the prior's centre, over the range that the latent really uses, still or moving;
paths between two observations; the latents of several seeds side by side.
"""

from collections.abc import Sequence

import jax
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import contact
from disentangle_jax.report import traversals
from disentangle_jax.runs import trained

SPANS = ('posterior', 'prior')
_NUM_POINTS = 512  # observations that the spread of codes is taken over
_WHOLE = ('generate', 'pictures', 'texts')


def latent_values(
  run: trained.TrainedRun, steps: int, width: float, span: str
) -> np.ndarray:
  """Values to walk every latent through.

  Args:
    run: with codes.
    steps: number of values T.
    width: half the range, in standard deviations.
    span: 'posterior': of the codes of the data, so that a latent is shown where
      it lives: mean and standard deviation of q(z_d) = E_x q(z_d|x) for
      Gaussian latents, of the codes themselves for plain ones; or 'prior': of
      N(0, 1), as without an encoder.

  Returns:
    float32 [D, T]; from 0 to 1 for the entries of one-hot latents.

  Raises:
    ConfigError: unknown span, fewer than two steps, no width or no codes.
  """
  if span not in SPANS:
    raise errors.choices('span', span, SPANS)
  if steps < 2:
    raise errors.value('steps', steps, 'must be at least 2')
  if not width > 0:
    raise errors.value('width', width, 'must be > 0')
  walk = np.linspace(-width, width, steps, dtype=np.float32)
  size, layout = run.num_latents, run.layout
  centre, deviation = np.zeros(size), np.ones(size)
  if span == 'posterior' and run.method.represent is not None:
    codes = run.represent(run.sample(_NUM_POINTS)['observation'])
    vector = np.asarray(codes.vector)
    centre, variance = vector.mean(0), vector.var(0)
    if layout.gaussian:
      own = slice(layout.gaussian)
      mean = np.asarray(codes.parts['mean'])
      within = np.exp(np.asarray(codes.parts['logvar'])).mean(0)
      centre[own], variance[own] = mean.mean(0), mean.var(0) + within
    deviation = np.sqrt(variance)
  values = centre[:, None] + deviation[:, None] * walk
  values[layout.gaussian + layout.plain :] = np.linspace(0, 1, steps)
  return values.astype(np.float32)


def _walked(
  layout: types.Layout, centre: np.ndarray, values: np.ndarray
) -> np.ndarray:
  """Codes [D, T, D] around one [D]: latent d at its values, the others stay.

  The other entries of a one-hot latent make room: at 1 it is that class.
  """
  size = len(centre)
  codes = np.tile(centre, (*values.shape, 1)).astype(np.float32)
  start = layout.gaussian + layout.plain
  for classes in layout.classes:
    own = slice(start, start + classes)
    codes[own, :, own] *= 1 - values[own, :, None]
    start += classes
  latent = np.arange(size)
  given = latent < layout.gaussian + layout.plain
  untouched = np.where(given[:, None], 0, codes[latent, :, latent])
  codes[latent, :, latent] = untouched + values
  return codes


def _stored(run: trained.TrainedRun, observations: jax.Array) -> np.ndarray:
  """Observations as `engine.samples` stores them; vectors become flat."""
  kind = run.dataset.kind
  if kind in ('image', 'video', 'voxels'):
    return contact.to_uint8(observations)
  observations = np.asarray(observations)
  if kind == 'vector':
    lead = observations.ndim - len(run.dataset.observation_shape)
    return observations.reshape(*observations.shape[:lead], -1)
  return observations


def _centre(
  run: trained.TrainedRun, observation: np.ndarray | None
) -> np.ndarray:
  """The code [D] of an observation, or the centre of the prior."""
  if observation is not None:
    return np.asarray(run.represent(np.asarray(observation)[None]).vector[0])
  even = [np.full(n, 1 / n) for n in run.layout.classes]
  plain = run.layout.gaussian + run.layout.plain
  return np.concatenate([np.zeros(plain), *even]).astype(np.float32)


def samples(
  run: trained.TrainedRun,
  observation: np.ndarray | None = None,
  steps: int = 9,
  width: float = 2.0,
  span: str = 'posterior',
  count: int = 8,
  seed: int = 0,
) -> traversals.Samples:
  """All that a run can show: traversals, reconstructions, draws, pictures.

  Args:
    run: with a decoder, or with draws, pictures or texts of its own.
    observation: to walk around, as the data set's kind says; None for the
      centre of the prior.
    steps: values per latent.
    width: half the range, in standard deviations.
    span: see `latent_values`.
    count: observations to reconstruct, draws from the model.
    seed: which observations, which draws.

  Returns:
    As a sweep leaves them, without what the method cannot give; `values` is the
    walk in standard deviations.

  Raises:
    ConfigError: nothing to show, or values out of range.
  """
  method, name = run.method, run.about['method']
  own = [ability for ability in _WHOLE if ability in method.extras]
  decodes = method.decode is not None and run.layout is not None
  if not decodes and not own:
    rule = f"has no 'decode', and none of {', '.join(_WHOLE)}"
    raise errors.value('method', name, rule)
  none = np.zeros((0, 0), np.uint8)
  moved = observed = rebuilt = generated = none
  kl = np.zeros(0, np.float32)
  images = run.sample(count, seed)['observation']
  if decodes:
    values = latent_values(run, steps, width, span)
    codes = _walked(run.layout, _centre(run, observation), values)
    decoded = run.decode(codes.reshape(-1, codes.shape[-1]))
    moved = _stored(run, decoded.reshape(*values.shape, *decoded.shape[1:]))
    kl = np.full(len(moved), np.nan, np.float32)
    if method.represent is not None:
      vector = run.represent(images).vector
      observed, rebuilt = _stored(run, images), _stored(run, run.decode(vector))
      if run.layout.gaussian:
        kl[: run.layout.gaussian] = run.kl()
  if 'generate' in own:
    generated = _stored(run, run.generate(count, seed))
  key = jax.random.key(seed)
  call = lambda name: (
    jax.jit(method.extras[name])(key, run.state, images) if name in own else {}
  )
  return traversals.Samples(
    traversals=moved,
    values=np.linspace(-width, width, steps, dtype=np.float32),
    observations=observed,
    reconstructions=rebuilt,
    kl=kl,
    kind=run.dataset.kind,
    generated=generated,
    pictures={k: contact.to_uint8(x) for k, x in call('pictures').items()},
    texts={k: np.asarray(x) for k, x in call('texts').items()},
    vocabulary=tuple(run.dataset.extras.get('vocabulary', ())),
  )


def _need_encoder(run: trained.TrainedRun, what: str) -> None:
  if run.method.represent is None:
    rule = f'has no encoder, which {what} needs'
    raise errors.value('method', run.about['method'], rule)


def interpolation(
  run: trained.TrainedRun, first: np.ndarray, last: np.ndarray, steps: int = 9
) -> np.ndarray:
  """What is decoded on the straight line between two observations' codes.

  Args:
    run: with encoder and decoder.
    first: an observation, as the data set's kind says.
    last: another one.
    steps: number of codes T.

  Returns:
    [T + 2, *observation] as in `traversals.Samples`, e.g. uint8 [T + 2, H, W,
    C]: the first observation, T decoded codes, the last.

  Raises:
    ConfigError: no encoder or no decoder.
  """
  _need_encoder(run, 'a path between observations')
  both = np.stack([first, last])
  ends = np.asarray(run.represent(both).vector)
  share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
  path = _stored(run, run.decode((1 - share) * ends[0] + share * ends[1]))
  first, last = _stored(run, both)
  return np.concatenate([first[None], path, last[None]])


def seed_samples(
  runs: Sequence[trained.TrainedRun],
  observation: np.ndarray,
  width: float = 2.0,
) -> list[traversals.Samples]:
  """Traversals of several runs around one observation, three values each.

  Args:
    runs: on the same data set, with encoders; not of tokens.
    observation: that all walk around.
    width: half the range, in standard deviations of the posterior.

  Returns:
    In the order of the runs.

  Raises:
    ConfigError: a run without encoder, or of tokens.
  """
  if runs[0].dataset.kind == 'tokens':
    rule = 'holds sentences, which one sheet cannot hold; give one run alone'
    raise errors.value('dataset', runs[0].dataset.name, rule)
  for run in runs:
    _need_encoder(run, 'a sheet of several runs')
  return [samples(run, observation, 3, width, count=1) for run in runs]


def seed_sheet(
  samples_of: Sequence[traversals.Samples], latents: int = 10
) -> np.ndarray:
  """How runs differ: a row per run, its latents by KL, each low to high.

  Args:
    samples_of: as from `seed_samples`.
    latents: at most so many per run.

  Returns:
    uint8 [F, height, width, 3]; three observations per latent, a gap after
    them; F = 1 but for videos.
  """
  kind, span = samples_of[0].kind, (0.0, 1.0)
  if kind == 'vector':
    span = traversals.span_of(*(one.traversals for one in samples_of))
  rows = [
    [
      traversals.lay_out(one.traversals[[d]], kind, span=span)
      for d in traversals.by_kl(one)[:latents]
    ]
    for one in samples_of
  ]
  most = max(len(row) for row in rows)
  empty = np.full_like(rows[0][0], traversals.GROUND)
  gap = np.full((*empty.shape[:2], 8, 3), 255, np.uint8)
  sheets = []
  for row in rows:
    tiles = row + [empty] * (most - len(row))
    spaced = [part for tile in tiles for part in (tile, gap)]
    sheets.append(np.concatenate(spaced[:-1], axis=2))
    line = (len(empty), 4, sheets[0].shape[2], 3)
    sheets.append(np.full(line, 255, np.uint8))
  return np.concatenate(sheets[:-1], axis=1)


def frames(drawn: traversals.Samples, least: int = 64) -> np.ndarray:
  """A film of all latents at once, there and back; a video's plays itself.

  Args:
    drawn: traversals of one run, not of tokens.
    least: see `traversals.lay_out`.

  Returns:
    uint8 [2 T - 2, height, width, 3], one tile per latent, sorted by KL; of
    videos [F, ...], the sheet of all values.
  """
  if drawn.kind == 'video':
    return traversals.frames_of(drawn, 'traversals')
  moved = drawn.traversals[traversals.by_kl(drawn)]
  steps = moved.shape[1]
  order = [*range(steps), *range(steps - 2, 0, -1)]
  columns = min(len(moved), 5)
  rows = -(-len(moved) // columns)
  left = rows * columns - len(moved)
  ground = traversals.GROUND if moved.dtype == np.uint8 else np.nan
  blank = np.full((left, *moved.shape[1:]), ground, moved.dtype)
  tiles = np.concatenate([moved, blank]).reshape(
    rows, columns, *moved.shape[1:]
  )
  span = traversals.span_of(moved) if drawn.kind == 'vector' else (0.0, 1.0)
  return np.concatenate(
    [traversals.lay_out(tiles[:, :, t], drawn.kind, least, span) for t in order]
  )
