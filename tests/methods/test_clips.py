"""Known answers of the GANs of clips."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, requests
from disentangle_jax.data import samplers
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.gan import clips, mocogan

# Compiling is what takes the time.
quick = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)
NAMES = ('mocogan', 'video_gan')
INDEX = jnp.arange(4, dtype=jnp.int32)


@functools.cache
def videos(frames=4):
  return data_lib.load('shape_motion', resolution=8, frames=frames)


@functools.cache
def built(name, available=4, **static):
  """Method, a batch, and `update` compiled."""
  module, data = METHODS[name], videos(available)
  config = module.Config(**{**module.TEST['static'], **static})
  method = module.make(config, data)
  given = getattr(module, 'batch', lambda c: (requests.Observation(),))
  sample = jax.jit(samplers.make(data, given(config)))
  batch = sample(jax.random.key(1), data.arrays, INDEX)
  batch = {**batch, 'step': jnp.zeros((), jnp.int32)}
  init, update = quick(method.init), quick(method.update)
  extras = method.extras | {
    'generate': quick(
      method.extras['generate'], static_argnums=2, static_argnames='frames'
    )
  }
  method = method._replace(init=init, extras=extras)
  hparams = {k: jnp.float32(v) for k, v in module.HPARAMS.items()}
  return method, batch, update, {**hparams, 'noise': jnp.float32(0.1)}


def step(name, state=None, changed=(), static=(), **hparams):
  method, batch, update, base = built(name, **dict(static))
  given = {**base, **{k: jnp.float32(v) for k, v in hparams.items()}}
  if state is None:
    state = method.init(jax.random.key(0), batch, given)
  return state, *update(
    jax.random.key(3), state, {**batch, **dict(changed)}, given
  )


def equal(first, second):
  jax.tree.map(np.testing.assert_array_equal, first, second)


def moved(first, second):
  pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
  return any(np.any(np.asarray(a) != np.asarray(b)) for a, b in pairs)


@pytest.mark.parametrize('name', NAMES)
def test_each_turn_moves_its_own_player_alone(name):
  before, after, _ = step(name, learning_rate=0.0)
  equal(before.params['generator'], after.params['generator'])
  for critic in after.critics:
    assert moved(before.critics[critic], after.critics[critic])
  before, still, _ = step(name, critic_learning_rate=0.0)
  equal(before.critics, still.critics)
  assert moved(before.params['generator'], still.params['generator'])
  # The generator's turn comes last: it meets the critics as they are then.
  _, after, _ = step(name)
  assert moved(still.params['generator'], after.params['generator'])


def test_each_critic_learns_from_its_own_data_alone():
  _, base, _ = step('mocogan')
  _, batch, *_ = built('mocogan')
  other = lambda name: {name: 1 - batch[name]}
  _, after, _ = step('mocogan', changed=other('observation').items())
  equal(base.critics['image'], after.critics['image'])
  assert moved(base.critics['clip'], after.critics['clip'])
  _, after, _ = step('mocogan', changed=other('more_observations').items())
  equal(base.critics['clip'], after.critics['clip'])
  assert moved(base.critics['image'], after.critics['image'])


@pytest.mark.parametrize('name', NAMES)
def test_blind_critics_have_log_2_each(name):
  state, *_ = step(name)
  critics = len(state.critics)
  assert critics == {'mocogan': 2, 'video_gan': 1}[name]
  blind = jax.tree.map(np.zeros_like, state.critics)
  _, _, scalars = step(
    name, state._replace(critics=blind), critic_learning_rate=0.0
  )
  two, one = 2 * critics * math.log(2), critics * math.log(2)
  np.testing.assert_allclose(scalars['loss'], two, rtol=1e-6)
  np.testing.assert_allclose(scalars['generator_loss'], one, rtol=1e-6)


def test_a_penalty_of_every_other_step_weighs_twice():
  """Its gradient is in Adam's moments; the code is that of both methods."""
  name = 'video_gan'
  moment = lambda state: jax.tree.leaves(state.opt_state['clip'])
  penalties = {'gradient_penalty': 3.0, 'learning_rate': 0.0}
  start, often, _ = step(
    name, static=(('penalty_every', 1),), **{**penalties, 'gradient_penalty': 6}
  )
  _, seldom, _ = step(name, start, **penalties)
  _, plain, _ = step(name, start, gradient_penalty=0.0, learning_rate=0.0)
  for a, b in zip(moment(often), moment(seldom)):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
  assert moved(moment(plain), moment(seldom))
  odd = {'step': jnp.ones((), jnp.int32)}.items()
  _, later, _ = step(name, start, odd, **penalties)
  for a, b in zip(moment(later), moment(plain)):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_weight_decay_is_in_the_gradient():
  """Two steps of Adam on g + c p, in NumPy."""
  hparams = {**clips.HPARAMS, 'weight_decay': 0.5, 'learning_rate': 0.1}
  adam = clips.optimisers(hparams, jnp.int32(0), ())['generator']
  params = np.array([1.0, -2.0, 0.3])
  gradients = np.array([[0.2, 0.5, -0.1], [-0.3, 0.1, 0.4]])
  p, m, v, state = params.copy(), 0.0, 0.0, adam.init(jnp.asarray(params))
  ours = jnp.asarray(params)
  for number, g in enumerate(gradients, 1):
    updates, state = adam.update(jnp.asarray(g), state, ours)
    ours = ours + updates
    g = g + 0.5 * p
    m, v = 0.5 * m + 0.5 * g, 0.999 * v + 0.001 * g**2
    m_hat, v_hat = m / (1 - 0.5**number), v / (1 - 0.999**number)
    p = p - 0.1 * m_hat / (np.sqrt(v_hat) + 1e-8)
  np.testing.assert_allclose(ours, p, rtol=1e-4)


def test_noise_falls_and_rates_fall_in_the_second_half():
  hparams = {
    **clips.HPARAMS,
    'noise': 0.1,
    'noise_left': 0.2,
    'rate_left': 0.5,
    'anneal_steps': 100.0,
  }
  steps = (0, 50, 75, 100, 1000)
  noise = [clips.look_of(hparams, jnp.int32(n)).noise for n in steps]
  np.testing.assert_allclose(noise, [0.1, 0.06, 0.04, 0.02, 0.02], rtol=1e-5)

  def rate(n):
    adam = clips.optimisers(hparams, jnp.int32(n), ('clip',))['clip']
    one = jnp.ones(())
    update, _ = adam.update(one, adam.init(one), one)
    return -update / 2e-4

  np.testing.assert_allclose(
    [rate(n) for n in steps], [1, 1, 0.75, 0.5, 0.5], rtol=1e-4
  )


def test_what_critics_see():
  images = jnp.full((4, 30, 30, 3), 0.75)
  look = clips.Look(jnp.float32(0.2))
  seen = look(jax.random.key(0), INDEX, images)
  np.testing.assert_allclose(seen.mean(), 0.5, atol=0.01)
  np.testing.assert_allclose(seen.std(), 0.2, atol=0.01)
  half = look(jax.random.key(0), INDEX[2:], images[2:])
  np.testing.assert_array_equal(half, seen[2:])
  none = clips.Look(jnp.float32(0))(jax.random.key(0), INDEX, images)
  np.testing.assert_array_equal(none, 2 * images - 1)


def test_windows_are_consecutive_frames():
  frames = jnp.arange(60.0).reshape(10, 6, 1)
  index = jnp.arange(10, dtype=jnp.int32)
  cut = np.asarray(clips.window(jax.random.key(0), index, frames, 4))
  first = cut[:, 0, 0] - 6 * np.arange(10)
  assert set(first) == {0, 1, 2}
  np.testing.assert_array_equal(cut[..., 0], cut[:, :1, 0] + np.arange(4)[None])


@functools.cache
def generator():
  """Extras, compiled where they are slow, and a state."""
  method, batch, _, hparams = built('mocogan')
  state = method.init(jax.random.key(0), batch, hparams)
  extras = {name: quick(f) for name, f in method.extras.items()}
  extras['latents'] = quick(method.extras['latents'], static_argnums=2)
  extras['generate'] = method.extras['generate']
  return method._replace(extras=extras), state


def test_a_motion_that_stands_still_gives_equal_frames():
  method, state = generator()
  content, motion = jax.device_get(
    method.extras['latents'](jax.random.key(1), state, 5)
  )
  assert content.shape == (5, 3) and motion.shape == (5, 3, 2)
  render = method.extras['render_latents']
  still = render(state, content, np.broadcast_to(motion[:, :1], motion.shape))
  still = np.asarray(still)
  np.testing.assert_allclose(still, np.broadcast_to(still[:, :1], still.shape))
  moving = np.asarray(render(state, content, motion))
  assert np.abs(moving[:, 1] - moving[:, 0]).max() > 1e-3
  # A frame is a function of its own z_M: turned around, it comes last.
  turned = np.asarray(render(state, content, motion[:, ::-1]))
  np.testing.assert_allclose(turned[:, ::-1], moving, atol=1e-6)
  assert moving.min() > 0 and moving.max() < 1


@pytest.mark.parametrize('frames', [1, 7])
def test_clips_of_any_length(frames):
  method, state = generator()
  generated, codes = method.extras['generate'](
    jax.random.key(1), state, 4, frames=frames
  )
  assert generated.shape == (4, frames, 8, 8, 3)
  assert codes.parts['sequence_mean'].shape == (4, frames, 2)
  again = method.extras['render_latents'](
    state, codes.vector, codes.parts['sequence_mean']
  )
  np.testing.assert_allclose(generated, again, atol=1e-6)
  # z_M are a GRU's states: bounded by one or by where they began.
  assert np.isfinite(generated).all()


def test_pictures_swap_contents_and_motions():
  method, state = generator()
  draw = lambda state: jax.device_get(
    method.extras['pictures'](jax.random.key(1), state, None)
  )
  pictures = draw(state)
  assert pictures['clips_by_rows'].shape == (6, 3, 8, 8, 3)
  assert pictures['clips_twice_as_long'].shape == (3, 6, 8, 8, 3)
  contents = pictures['contents_in_one_motion']
  motions = pictures['motions_of_one_content']
  assert contents.shape == motions.shape == (4, 3, 8, 8, 3)
  rows = pictures['clips_by_rows']
  np.testing.assert_allclose(contents[0], rows[0], atol=1e-6)
  np.testing.assert_allclose(motions[0], rows[0], atol=1e-6)
  assert np.abs(contents[1] - rows[1]).max() > 1e-3
  assert np.abs(motions[1] - rows[1]).max() > 1e-3
  # A generator that is blind for content draws one clip per motion.
  blind = jax.tree.map(np.array, state)
  blind.params['generator']['frame']['Dense_0']['kernel'][:3] = 0
  contents = draw(blind)['contents_in_one_motion']
  np.testing.assert_allclose(contents[0], contents[3], atol=1e-6)


def test_a_clip_drawn_at_once_has_its_length():
  method, batch, _, hparams = built('video_gan')
  state = method.init(jax.random.key(0), batch, hparams)
  generated, codes = method.extras['generate'](jax.random.key(1), state, 4)
  assert generated.shape == (4, 3, 8, 8, 3) and codes.vector.shape == (4, 3)
  with pytest.raises(errors.ConfigError, match='frames = 5: is always 3'):
    method.extras['generate'](jax.random.key(1), state, 4, frames=5)


@pytest.mark.parametrize('name', NAMES)
def test_clips_of_one_frame_and_a_normalised_generator(name):
  static = {'frames': 1, 'available': 1, 'normalise': 'generator'}.items()
  before, after, scalars = step(name, static=static)
  assert np.isfinite(scalars['loss'])
  leaves = jax.tree.leaves(after.params)
  assert all(np.isfinite(x).all() for x in leaves)
  assert moved(before.params['statistics'], after.params['statistics'])
  method = built(name, **dict(static))[0]
  draw = lambda count: method.extras['generate'](
    jax.random.key(1), after, count
  )[0]
  # What is drawn depends on its own latents, not on those beside it.
  np.testing.assert_allclose(np.asarray(draw(4))[:1], draw(1), atol=1e-6)


@pytest.mark.parametrize(
  ('name', 'static', 'critic'),
  [
    ('mocogan', {}, 'Conv_0'),
    ('video_gan', {}, 'Conv_0'),
    ('video_gan', {'architecture': 'light', 'width': 4}, 'Dense_0'),
  ],
)
def test_published_sizes_keep_their_shapes(name, static, critic):
  module = METHODS[name]
  data = data_lib.load('shape_motion', colours='rgb')
  config = module.Config(**static)
  method = module.make(config, data)
  hparams = {k: jnp.float32(v) for k, v in module.HPARAMS.items()}
  clip = jax.ShapeDtypeStruct((2, 16, 64, 64, 3), jnp.float32)
  batch = {
    'observation': clip,
    'more_observations': jax.ShapeDtypeStruct(
      (2, 3, 16, 64, 64, 3), jnp.float32
    ),
    'index': jax.ShapeDtypeStruct((2,), jnp.int32),
    'step': jax.ShapeDtypeStruct((), jnp.int32),
  }
  key = jax.random.key(0)
  state = jax.eval_shape(method.init, key, batch, hparams)
  after, _ = jax.eval_shape(method.update, key, state, batch, hparams)
  assert jax.tree.leaves(after) == jax.tree.leaves(state)
  # 'light' judges clips by dense layers, all else is convolutional.
  assert critic in state.critics['clip']
  generator = state.params['generator']
  assert 'Conv_3' in generator.get('frame', generator)
  generated, _ = jax.eval_shape(
    lambda s: method.extras['generate'](key, s, 2), state
  )
  assert generated.shape == clip.shape


@pytest.mark.parametrize(
  ('name', 'static', 'said'),
  [
    ('mocogan', {'frames': 5}, 'frames = 5: is more than the 4'),
    ('video_gan', {'frames': 0}, 'frames = 0'),
    ('mocogan', {'content': 0}, 'content = 0'),
    ('mocogan', {'images_per_clip': 0}, 'images_per_clip = 0'),
    ('mocogan', {'image_hidden': (0,)}, 'image_hidden = 0'),
    ('video_gan', {'latents': 0}, 'latents = 0'),
    ('mocogan', {'architecture': 'net'}, 'dcgan'),
    ('mocogan', {'architecture': 'dcgan'}, 'power of 2'),
    ('mocogan', {'normalise': 'all'}, 'generator'),
    ('video_gan', {'normalise': 'both'}, 'penalty_every = 2'),
    ('video_gan', {'penalty_every': -1}, 'penalty_every = -1'),
    ('mocogan', {'conv_form': 'fast'}, 'blocks'),
    ('mocogan', {'precision': 'half'}, 'bfloat16'),
  ],
)
def test_what_cannot_be_is_said_in_one_line(name, static, said):
  module = METHODS[name]
  config = module.Config(**{**module.TEST['static'], **static})
  with pytest.raises(errors.ConfigError) as caught:
    module.make(config, videos())
  assert said in str(caught.value) and '\n' not in str(caught.value)


def test_other_data_are_refused():
  images = data_lib.load('dsprites', resolution=16)
  config = mocogan.Config(**mocogan.TEST['static'])
  with pytest.raises(errors.ConfigError, match='needs videos'):
    mocogan.make(config, images)
  wide = videos()._replace(observation_shape=(4, 16, 16, 3))
  config = METHODS['video_gan'].Config(architecture='dcgan', frames=3)
  with pytest.raises(errors.ConfigError, match='multiple of 4'):
    METHODS['video_gan'].make(config, wide)
