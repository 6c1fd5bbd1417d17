"""Grasping by geometry: a shape is guessed from a view, and looked at locally.

Yan et al. 2018, "Learning 6-DOF grasping interaction via deep geometry-aware 3D
representations", https://arxiv.org/abs/1708.07303. A shape net turns a view
into an identity code and the code into an occupancy grid V in [0, 1]; a
projection without parameters (`ops.projection`) shows V to any camera, so that
masks and depths of several views teach it, and no solid does:

  L_shape = sum over views, mean over rays
              [-log p(mask | silhouette) + w_depth |depth - true|, on the mask]

An outcome net sees the view, the pose, the identity code and a local view: the
depths of V from the hand, along the approach axis. Minimised:

  -log p(success | view, pose, V) + w_shape L_shape

in nats per grasp and per ray; depths in sides of the cube. With `joint` the
gradient of the outcome reaches V; without it the shape net is trained first, a
run of its own, and stands still while the outcome net learns. `occupancy`
'true' is a ceiling: the outcome net sees the true grid locally, has no identity
code, and there is no shape net.

Deviations. Silhouettes are 1 - prod (1 - v) in the loss by the logarithms of
1 - v, which saturate later; 'max' is that of Yan et al. 2016. The depths t_k of
a ray are spread over its way through the cube instead of all depths of the
scene. The grid's logits start at -3, so that rays come through. Widths, views
and rates are of Yan et al. 2016 (https://arxiv.org/abs/1612.00814), rates and
weights our choice.

Traps: with one view its hidden side is free, therefore views of the object from
around; a grid whose cells are thicker than a wall does not hold it.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.control import grasp_cnn, grasping
from disentangle_jax.nn import grasp_nets, nets
from disentangle_jax.ops import axis, maxima, per_example, projection

CITATION = 'Yan et al. 2018, arXiv:1708.07303, section IV'
HPARAMS = {'learning_rate': 1e-4, 'w_shape': 1.0, 'w_depth': 5.0}
STRENGTH = 'w_shape'
MAY_BE_ZERO = ('views', 'rays')
OCCUPANCIES = ('learnt', 'true')
STAGES = ('all', 'shape')
TEST = {
  'dataset': grasp_cnn.TEST['dataset'],
  'static': {
    **grasp_cnn.TEST['static'],
    'encoder_hidden': (16,),
    'code': 6,
    'decoder_hidden': (16,),
    'decoder_channels': (),
    'views': 1,
    'rays': 12,
    'depth_samples': 4,
    'local_side': 3,
    'local_samples': 4,
  },
}
# v and 1 - v stay above this, for their logarithms.
_LEAST = 1e-4


@dataclasses.dataclass(frozen=True)
class Config(grasping.OutcomeConfig):
  """Static choices, those of the outcome net and

  Attributes:
    encoder_hidden: widths of the shape encoder below the code; its convolutions
      are those of `channels`.
    code: width of the identity code.
    decoder_hidden: widths between the code and the grid; () for none.
    decoder_channels: of the decoder's grids, see `OccupancyDecoder`; () for a
      fully connected one.
    views: of the object beside the observation's own, in each step.
    rays: of each view in each step, drawn anew; 0 for all pixels.
    depth_samples: K, depths per ray, at least 2.
    silhouette: one of `projection.SILHOUETTES`.
    local_side: pixels along each side of the local view.
    local_samples: depths per pixel of it.
    local_window: length along each side of what it sees.
    local_reach: depth of what it sees.
    joint: whether shape and outcome are trained together.
    occupancy: one of OCCUPANCIES.
    stage: one of STAGES; 'shape' trains the shape net alone.
  """

  encoder_hidden: tuple[int, ...] = (1024, 1024)
  code: int = 768
  decoder_hidden: tuple[int, ...] = ()
  decoder_channels: tuple[int, ...] = (512, 256, 96)
  views: int = 3
  rays: int = 1024
  depth_samples: int = 32
  silhouette: str = 'product'
  local_side: int = 16
  local_samples: int = 16
  local_window: float = 0.45
  local_reach: float = 0.4
  joint: bool = True
  occupancy: str = 'learnt'
  stage: str = 'all'


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Views, cameras and labelled grasps; the true grid for the ceiling alone."""
  if config.occupancy == 'true':
    return grasping.asked('pose', 'label', 'occupancy')
  return grasping.asked('cameras', 'masks', 'depths', 'pose', 'label')


def after(config: Config) -> types.Phase | None:
  """The shape net alone, where it is trained first."""
  if config.joint or config.stage == 'shape' or config.occupancy == 'true':
    return None
  return types.Phase('grasp_geometry', {'stage': 'shape'}, 'shape')


def _check(config: Config, data: types.Dataset) -> projection.Scene:
  """The scene; raises ConfigError for an option out of range."""
  grasping.check(config)
  scene = grasping.scene_of(data)
  of = lambda field: f'config.static.{field}'
  checks.choice(of('silhouette'), config.silhouette, projection.SILHOUETTES)
  checks.choice(of('occupancy'), config.occupancy, OCCUPANCIES)
  checks.choice(of('stage'), config.stage, STAGES)
  for field, least in (
    ('code', 1),
    ('views', 0),
    ('rays', 0),
    ('depth_samples', 2),
    ('local_side', 1),
    ('local_samples', 2),
  ):
    checks.integer(of(field), getattr(config, field), least)
  for field in ('local_window', 'local_reach'):
    got = getattr(config, field)
    if not checks.is_number(got) or not 0.0 < got <= 1.0:
      rule = 'must be over 0 and at most 1, the side of the grid'
      raise errors.value(of(field), got, rule)
  if config.stage == 'shape' and config.occupancy == 'true':
    rule = 'leaves nothing to train: the true grid needs no shape net'
    raise errors.value(of('stage'), config.stage, rule)
  if config.occupancy == 'learnt':
    doublings = len(config.decoder_channels)
    if doublings and scene.grid % 2**doublings:
      rule = (
        f'doubles a grid {doublings} times, and config.dataset.grid = '
        f'{scene.grid} is no multiple of {2**doublings}'
      )
      raise errors.value(of('decoder_channels'), config.decoder_channels, rule)
    others = 1
    for name in ('elevation', 'azimuth'):
      others *= data.factor_sizes[data.factor_names.index(name)]
    if config.views > others - 1:
      rule = f'must be at most {others - 1}, the other views of an object'
      raise errors.value(of('views'), config.views, rule)
    if config.rays > scene.side**2:
      rule = f'must be at most {scene.side**2}, the pixels of a view'
      raise errors.value(of('rays'), config.rays, rule)
  return scene


class _Shape(NamedTuple):
  """The shape net.

  Attributes:
    init: `(key, observation) -> params`.
    encode: `(params, observation [B, ...]) -> code float32 [B, D]`.
    decode: `(params, code [B, D]) -> V float32 [B, n, n, n]`.
  """

  init: Callable[..., types.PyTree]
  encode: Callable[..., jax.Array]
  decode: Callable[..., jax.Array]


def _shape_net(config: Config, scene: projection.Scene) -> _Shape:
  widths = (*config.encoder_hidden, config.code)
  encoder = grasp_nets.ViewEncoder(config.channels, widths)
  decoder = grasp_nets.OccupancyDecoder(
    scene.grid, config.decoder_hidden, config.decoder_channels
  )

  def init(key, observation):
    encoder_key, decoder_key = jax.random.split(key)
    seen = grasping.see(observation[:1])
    code = jnp.zeros((1, config.code))
    return {
      'encoder': encoder.init(encoder_key, seen)['params'],
      'decoder': decoder.init(decoder_key, code)['params'],
    }

  def encode(params, observation):
    seen = grasping.see(observation)
    return nets.apply(encoder, params['encoder'], seen, config.precision)

  def decode(params, code):
    logit = nets.apply(decoder, params['decoder'], code, config.precision)
    return jnp.clip(jax.nn.sigmoid(logit), _LEAST, 1.0 - _LEAST)

  return _Shape(init, encode, decode)


def ray_losses(
  values: jax.Array,
  depth: jax.Array,
  mask: jax.Array,
  true_depth: jax.Array,
  far: float,
  silhouette: str = 'product',
) -> tuple[jax.Array, jax.Array]:
  """What rays say of a grid.

  Args:
    values: float [..., K], the grid along rays, over 0 and below 1; exactly 0
      outside of it.
    depth: float [..., K].
    mask: bool [...], whether a ray meets the object.
    true_depth: float [...], where.
    far: depth of what passes through.
    silhouette: one of `projection.SILHOUETTES`.

  Returns:
    -log p(mask | silhouette), nats, and |depth - true| where the mask is set,
    0 elsewhere; float [...] each.
  """
  _, expected = projection.composite(values, depth, far)
  if silhouette == 'max':
    lit = jnp.clip(maxima.largest(values, -1), _LEAST, 1.0 - _LEAST)
    nats = -jnp.where(mask, jnp.log(lit), jnp.log1p(-lit))
  else:
    passes = jnp.minimum(jnp.sum(jnp.log1p(-values), axis=-1), -1e-6)
    nats = -jnp.where(mask, jnp.log(-jnp.expm1(passes)), passes)
  return nats, jnp.where(mask, jnp.abs(expected - true_depth), 0.0)


def make(
  config: Config, data: types.Dataset, before: types.Method | None = None
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: 'graspable'.
    before: the method of the shape net's run, where that is trained first.

  Returns:
    The method. The code is the identity code, with the part 'occupancy' (V,
    float32 [B, n, n, n]); it decodes to V, which is no observation and
    therefore an extra, 'decode_occupancy', `(state, vector [B, D]) -> V`. With
    the true grid there is neither. It reports 'outcome' (nats per grasp),
    'accuracy' on the batch, 'silhouette' (nats per ray, summed over views) and
    'depth' (of rays on the mask: the mean error times their share). Extras:

      perceive, judge, predict   see `types.EXTRAS`; the ceiling alone reads
                the occupancy, which is the true one
      project   `(state, occupancy [B, n, n, n], camera [B, 2]) -> (silhouette,
                depth)`, float32 [B, H, W]; a camera is its azimuth and
                elevation, radians
      local     `(state, occupancy [B, n, n, n], pose [B, G, 9]) -> float32
                [B, G, side, side]`, what the hand sees
      plan_grasp see `grasping.planner`
      pictures  'projections': view, true mask and depth, each with the learnt
                one behind it; 'layers': V cut into layers, the lowest first

  Raises:
    ConfigError: an option out of range, or another data set.
  """
  scene = _check(config, data)
  del before
  learnt, all_of_it = config.occupancy == 'learnt', config.stage == 'all'
  encoder = grasping.state_encoder(config)
  outcome = grasp_nets.Outcome(config.outcome_hidden)
  shape = _shape_net(config, scene)
  apart = after(config) is not None

  def local(volume, pose):
    look = lambda v, p: projection.local_view(
      v,
      p,
      config.local_side,
      config.local_window,
      config.local_reach,
      config.local_samples,
    )
    return jax.vmap(look)(volume, pose)

  def seen_in(params, observation, code, volume):
    state = nets.apply(
      encoder, params['state'], grasping.see(observation), config.precision
    )
    return (state,) if code is None else (state, code), volume

  def seen_by_outcome(percept, pose):
    whole, volume = percept
    depths = local(volume, pose).reshape(*pose.shape[:2], -1)
    return grasping.features(whole, (pose, depths))

  def logits(params, percept, pose):
    given = seen_by_outcome(percept, pose)
    return nets.apply(outcome, params['outcome'], given, config.precision)

  def shape_of(params, observation):
    code = shape.encode(params['shape'], observation)
    return code, shape.decode(params['shape'], code)

  def init_params(key, batch, frozen=None):
    keys = jax.random.split(key, 3)
    params, code = {}, None
    grid = (1, *(scene.grid,) * 3)
    if learnt:
      params['shape'] = shape.init(keys[0], batch['observation'])
      code = jnp.zeros((1, config.code))
      if frozen is not None:
        params['shape'] = frozen.params['shape']
    if all_of_it:
      first, pose = batch['observation'][:1], batch['pose'][:1]
      seen = grasping.see(first)
      params['state'] = encoder.init(keys[1], seen)['params']
      percept = seen_in(params, first, code, jnp.zeros(grid))
      given = seen_by_outcome(percept, pose)
      params['outcome'] = outcome.init(keys[2], given)['params']
    return params

  def shape_loss(key, volume, batch):
    """Silhouettes in nats per ray, and depths, summed over views."""
    index, size = batch['index'], len(volume)
    others = batch['masks'].shape[1] - 1
    order = per_example.permutation(
      jax.random.fold_in(key, grasping.VIEWS), index, max(others, 1)
    )
    number = jnp.concatenate(
      [jnp.zeros((size, 1), jnp.int32), 1 + order[:, : config.views]], axis=1
    )
    pixels = scene.side**2
    rays = config.rays or pixels
    if config.rays:
      # With replacement: a permutation of all pixels would cost a sort.
      pixel = per_example.integers(
        jax.random.fold_in(key, grasping.RAYS),
        index,
        (number.shape[1], rays),
        0,
        pixels,
      )
    else:
      pixel = jnp.broadcast_to(
        jnp.arange(pixels), (size, number.shape[1], pixels)
      )

    def one_view(volume, camera, mask, depth, pixel):
      origin, slope = projection.rays(scene, camera[0], camera[1])
      slope = slope.reshape(-1, 3)[pixel]
      values, depths = projection.values_along(
        volume, origin, slope, scene, config.depth_samples
      )
      return ray_losses(
        values,
        depths,
        mask.reshape(-1)[pixel],
        depth.reshape(-1)[pixel],
        scene.far,
        config.silhouette,
      )

    def one(volume, cameras, masks, depths, number, pixel):
      return jax.vmap(one_view, (None, 0, 0, 0, 0))(
        volume, cameras[number], masks[number], depths[number], pixel
      )

    nats, error = jax.vmap(one)(
      volume, batch['cameras'], batch['masks'], batch['depths'], number, pixel
    )
    total = lambda x: axis.mean(jnp.sum(jnp.mean(x, axis=-1), axis=-1))
    return total(nats), total(error)

  def loss_fn(params, key, state, batch, hparams):
    del state
    code, volume, scalars = None, None, {}
    if learnt:
      code, volume = shape_of(params, batch['observation'])
      if apart:
        code, volume = map(jax.lax.stop_gradient, (code, volume))
    else:
      volume = batch['occupancy']
    loss = 0.0
    if all_of_it:
      pose, label = grasping.some_grasps(key, batch, config.grasps)
      percept = seen_in(params, batch['observation'], code, volume)
      logit = logits(params, percept, pose)
      nats, accuracy = grasping.outcome_scalars(logit, label)
      loss += nats
      scalars |= {'outcome': nats, 'accuracy': accuracy}
    if learnt and not apart:
      silhouette, depth = shape_loss(key, volume, batch)
      loss += hparams['w_shape'] * (silhouette + hparams['w_depth'] * depth)
      scalars |= {'silhouette': silhouette, 'depth': depth}
    return loss, ({'loss': loss, **scalars}, ())

  def represent(state, observation):
    code, volume = shape_of(state.params, observation)
    return types.Codes(code, {'occupancy': volume})

  def decode_occupancy(state, vector):
    return shape.decode(state.params['shape'], vector)

  def perceive(state, observation, occupancy=None):
    code, volume = None, occupancy
    if learnt:
      code, volume = shape_of(state.params, observation)
    return seen_in(state.params, observation, code, volume)

  def judge(state, percept, pose):
    return logits(state.params, percept, pose)

  def predict(state, observation, pose, occupancy=None):
    return judge(state, perceive(state, observation, occupancy), pose)

  def project(state, occupancy, camera):
    del state

    def one(volume, camera):
      origin, slope = projection.rays(scene, camera[0], camera[1])
      return projection.along_rays(
        volume,
        origin,
        slope,
        scene,
        config.depth_samples,
        config.silhouette,
      )

    return jax.vmap(one)(occupancy, camera)

  def look(state, occupancy, pose):
    del state
    return local(occupancy, pose)

  def pictures(key, state, observation):
    del key
    _, volume = shape_of(state.params, observation)
    elevation = observation[:, 0, 0, 4] * (jnp.pi / 2)
    camera = jnp.stack([jnp.zeros_like(elevation), elevation], axis=-1)
    silhouette, depth = project(state, volume, camera)
    share = (depth - scene.near) / (scene.far - scene.near)
    true_depth = observation[..., 3]
    grey = lambda x: jnp.repeat(x[..., None], 3, axis=-1)
    columns = (
      observation[..., :3],
      grey((true_depth < 0.999).astype(jnp.float32)),
      grey(silhouette),
      grey(true_depth),
      grey(share),
    )
    return {
      'projections': jnp.stack(columns, axis=1),
      'layers': volume[..., None],
    }

  init, update = training.minimise(
    init_params, loss_fn, optimiser=grasping.adam
  )
  extras: dict[str, Any] = {'project': project, 'local': look}
  if all_of_it:
    extras |= {
      'perceive': perceive,
      'judge': judge,
      'grasp_logits': predict,
      'plan_grasp': grasping.planner(config, perceive, judge),
    }
  if not learnt:
    return types.Method(init, update, None, None, extras)
  extras |= {'decode_occupancy': decode_occupancy, 'pictures': pictures}
  layout = types.Layout(plain=config.code)
  return types.Method(init, update, represent, None, extras, layout)
