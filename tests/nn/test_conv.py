"""Forms of the convolutions against naive loops; the published nets."""

import jax
import jax.numpy as jnp
import meshes
import numpy as np
import pytest

from disentangle_jax import data, platforms
from disentangle_jax.methods.vae import beta_vae
from disentangle_jax.nn import conv, nets
from disentangle_jax.ops import axis

SHAPES = [
  (8, 7, 4, 2),
  (9, 5, 5, 2),
  (6, 6, 3, 1),
  (4, 6, 2, 2),
  (7, 7, 7, 3),
  (7, 4, 3, 2),
  (5, 6, 2, 3),
]


def naive_conv(x, kernel, stride):
  """SAME padding and the sum, written out."""
  b, h, w, _ = x.shape
  kh, kw, _, o = kernel.shape
  oh, ow = -(-h // stride), -(-w // stride)
  top = max((oh - 1) * stride + kh - h, 0) // 2
  left = max((ow - 1) * stride + kw - w, 0) // 2
  out = np.zeros((b, oh, ow, o))
  for r, c, i, j in np.ndindex(oh, ow, kh, kw):
    y, z = r * stride + i - top, c * stride + j - left
    if 0 <= y < h and 0 <= z < w:
      out[:, r, c] += x[:, y, z] @ kernel[i, j]
  return out


def naive_transpose(x, kernel, stride):
  b, h, w, _ = x.shape
  kh, kw, _, o = kernel.shape
  top, left = max(kh - stride, 0) // 2, max(kw - stride, 0) // 2
  out = np.zeros((b, h * stride, w * stride, o))
  for r, c, i, j in np.ndindex(h, w, kh, kw):
    y, z = r * stride + i - top, c * stride + j - left
    if 0 <= y < h * stride and 0 <= z < w * stride:
      out[:, y, z] += x[:, r, c] @ kernel[i, j]
  return out


@pytest.mark.parametrize('h, w, k, stride', SHAPES)
@pytest.mark.parametrize('form', ['blocks', 'lax'])
@pytest.mark.parametrize('wide, out', [(3, 2), (2, 9), (9, 2)])
def test_forms_equal_the_naive_sums(h, w, k, stride, form, wide, out):
  rng = np.random.default_rng(0)
  x = rng.normal(size=(2, h, w, wide)).astype(np.float32)
  kernel = rng.normal(size=(k, k, wide, out)).astype(np.float32)
  both = jax.jit(
    lambda x, k: (
      conv.conv(x, k, stride, form),
      conv.conv_transpose(x, k, stride, form),
    )
  )
  down, up = both(x, kernel)
  np.testing.assert_allclose(down, naive_conv(x, kernel, stride), atol=2e-5)
  np.testing.assert_allclose(up, naive_transpose(x, kernel, stride), atol=2e-5)


@pytest.mark.parametrize('op', [conv.conv, conv.conv_transpose])
@pytest.mark.parametrize(
  'k, stride, wide, out',
  [
    (4, 2, 3, 2),
    (4, 2, 2, 9),
    (4, 2, 9, 2),
    (3, 2, 3, 5),
    (3, 1, 3, 2),
    (2, 3, 3, 2),
  ],
)
def test_forms_have_the_same_gradients_under_vmap(op, k, stride, wide, out):
  keys = jax.random.split(jax.random.key(0), 2)
  x = jax.random.normal(keys[0], (3, 2, 8, 8, wide))
  kernel = jax.random.normal(keys[1], (3, k, k, wide, out))

  def gradients(form):
    loss = lambda x, k: jnp.sum(jnp.sin(op(x, k, stride, form)))
    return jax.jit(jax.vmap(jax.grad(loss, (0, 1))))(x, kernel)

  for a, b in zip(gradients('blocks'), gradients('lax')):
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_transposes_have_the_same_second_gradients():
  keys = jax.random.split(jax.random.key(0), 2)
  x = jax.random.normal(keys[0], (2, 4, 4, 3))
  kernel = jax.random.normal(keys[1], (4, 4, 3, 2))

  def penalty(form, x, k):
    loss = lambda x: jnp.sum(jnp.sin(conv.conv_transpose(x, k, 2, form)))
    return jnp.sum(jax.grad(loss)(x) ** 2)

  gradients = lambda form: jax.grad(
    lambda x, k: penalty(form, x, k), argnums=(0, 1)
  )
  both = jax.jit(lambda *a: (gradients('blocks')(*a), gradients('lax')(*a)))
  for a, b in zip(*both(x, kernel), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_the_transpose_keeps_its_precision_backwards():
  def loss(x, k):
    with jax.default_matmul_precision('tensorfloat32'):
      return jnp.sum(conv.conv_transpose(x, k, 2, 'lax') ** 2)

  x, kernel = jnp.ones((2, 4, 4, 3)), jnp.ones((4, 4, 3, 2))
  text = str(jax.make_jaxpr(jax.grad(loss, argnums=(0, 1)))(x, kernel))
  assert text.count('conv_general_dilated[') == 3
  # Of both operands.
  assert text.count('Precision.HIGH') == 6, text


@pytest.mark.parametrize('op', [conv.conv, conv.conv_transpose])
@pytest.mark.parametrize('form', ['blocks', 'lax'])
def test_gradients_of_a_split_batch_are_summed_over_it(op, form):
  """A rule of our own for gradients has to vary over the mesh as they do."""
  x = jax.random.normal(jax.random.key(0), (4, 6, 6, 2))
  kernels = jax.random.normal(jax.random.key(1), (2, 4, 4, 2, 3))

  def loss(kernel, x):
    y = op(x, kernel, 2, form, bias=jnp.ones(3), relu=True)
    return axis.sum(jnp.sum(y**2, axis=(1, 2, 3)))

  got = meshes.run(jax.grad(loss), (1, 2), kernels, x)
  want = jax.jit(jax.vmap(jax.grad(loss), (0, None)))(kernels, x)
  np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


# Sizes of one example's places, sides of the kernel, strides.
RANKS = [
  *[((7,), (k,), (s,)) for k in (2, 3, 4) for s in (1, 2)],
  ((6,), (4,), (2,)),
  *[((5, 6), (k, k), (s, s)) for k in (2, 3, 4) for s in (1, 2)],
  ((5, 6), (4, 3), (2, 1)),
  *[((5, 3, 4), (k, k, k), (s, s, s)) for k in (2, 3, 4) for s in (1, 2)],
  ((5, 4, 6), (3, 4, 4), (1, 2, 2)),
  ((4, 5, 4), (2, 3, 4), (2, 2, 1)),
]


def reference(x, kernel, stride):
  places = 'XYZ'[: x.ndim - 2]
  names = (f'N{places}C', f'{places}IO', f'N{places}C')
  return jax.lax.conv_general_dilated(
    x, kernel, stride, 'SAME', dimension_numbers=names
  )


def reference_transpose(x, kernel, stride):
  """The gradient of the sum <x, conv y> with respect to y."""
  sizes = [n * s for n, s in zip(x.shape[1:-1], stride)]
  y = jnp.zeros((x.shape[0], *sizes, kernel.shape[-1]))
  turned = kernel.swapaxes(-1, -2)
  return jax.vjp(lambda y: reference(y, turned, stride), y)[1](x)[0]


@pytest.mark.parametrize('sizes, sides, stride', RANKS)
# Three axes: 9 channels to 2 at stride one shift outputs, all others inputs.
@pytest.mark.parametrize('wide, out', [(3, 2), (2, 9), (9, 2)])
def test_all_ranks_equal_xlas_own(sizes, sides, stride, wide, out):
  rng = np.random.default_rng(0)
  x = rng.normal(size=(2, *sizes, wide)).astype(np.float32)
  kernel = rng.normal(size=(*sides, wide, out)).astype(np.float32)

  def of(x, kernel, form):
    down = conv.conv(x, kernel, stride, form)
    up = conv.conv_transpose(x, kernel, stride, form)
    # <conv x, y> = <x, conv_T y>, with the kernel's channels exchanged.
    y = jnp.cos(jnp.arange(down.size, dtype=jnp.float32)).reshape(down.shape)
    turned = kernel.swapaxes(-1, -2)
    back = conv.conv_transpose(y, turned, stride, form)
    back = back[:, *[slice(n) for n in sizes]]
    return (down, up), (jnp.vdot(down, y), jnp.vdot(x, back))

  def everything(x, kernel):
    pairs = {}
    for platform, form in (
      ('cpu', 'blocks'),
      ('cuda', 'blocks'),
      ('cpu', 'lax'),
    ):
      with platforms.traced_for(platform):
        pairs[platform, form] = of(x, kernel, form)
    wanted = (
      reference(x, kernel, stride),
      reference_transpose(x, kernel, stride),
    )
    return wanted, pairs

  wanted, pairs = jax.jit(everything)(x, kernel)
  for form, (got, (left, right)) in pairs.items():
    for a, b in zip(got, wanted):
      np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5, err_msg=str(form))
    # Where the stride does not divide the size, SAME pads the two otherwise.
    if all(n % s == 0 for n, s in zip(sizes, stride)):
      np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('op', [conv.conv, conv.conv_transpose])
@pytest.mark.parametrize('rank', [1, 3])
@pytest.mark.parametrize('k, wide, out', [(4, 2, 9), (3, 3, 2)])
def test_gradients_of_other_ranks_under_vmap(op, rank, k, wide, out):
  keys = jax.random.split(jax.random.key(0), 2)
  x = jax.random.normal(keys[0], (2, 2, *[4] * rank, wide))
  kernel = jax.random.normal(keys[1], (2, *[k] * rank, wide, out))

  def gradients(form):
    loss = lambda x, k: jnp.sum(jnp.sin(op(x, k, 2, form)))
    return jax.jit(jax.vmap(jax.grad(loss, (0, 1))))(x, kernel)

  for a, b in zip(gradients('blocks'), gradients('lax')):
    np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize(
  'rank, kernel, stride, shape, down, up',
  [
    (1, 3, 2, (3, 2, 5), (4, 5), (16, 5)),
    (2, 4, 2, (4, 4, 2, 5), (4, 4, 5), (16, 16, 5)),
    (2, (1, 4), (1, 2), (1, 4, 2, 5), (8, 4, 5), (8, 16, 5)),
    (3, (3, 4, 4), (1, 2, 2), (3, 4, 4, 2, 5), (8, 4, 4, 5), (8, 16, 16, 5)),
  ],
)
def test_module_of_every_rank(rank, kernel, stride, shape, down, up):
  x = jnp.zeros((2, *[8] * rank, 2))
  for transpose, size in ((False, down), (True, up)):
    module = conv.Conv(5, kernel, stride, transpose, rank=rank)
    init = lambda key, module=module: module.init_with_output(key, x)
    y, variables = jax.eval_shape(init, jax.random.key(0))
    assert y.shape == (2, *size)
    shapes = {k: v.shape for k, v in variables['params'].items()}
    assert shapes == {'kernel': shape, 'bias': (5,)}


@pytest.mark.parametrize(
  'sizes, sides, stride, padding',
  [
    ((7,), (4,), (1,), 'VALID'),
    ((8,), (3,), (2,), 'VALID'),
    ((9,), (2,), (4,), 'VALID'),
    ((6, 5), (3, 3), (1, 1), 'VALID'),
    ((6, 5), (4, 3), (2, 1), ('SAME', 'VALID')),
    ((5, 4, 6), (4, 4, 4), (1, 2, 2), ('VALID', 'SAME', 'SAME')),
    ((4, 4, 4), (4, 4, 4), (1, 1, 1), 'VALID'),
  ],
)
@pytest.mark.parametrize('wide, out', [(3, 2), (2, 9)])
def test_valid_axes_are_those_that_need_no_padding(
  sizes, sides, stride, padding, wide, out
):
  """The naive sum over places whose kernel lies inside, axis by axis."""
  rng = np.random.default_rng(0)
  x = rng.normal(size=(2, *sizes, wide)).astype(np.float32)
  kernel = rng.normal(size=(*sides, wide, out)).astype(np.float32)
  each = (padding,) * len(sizes) if isinstance(padding, str) else padding
  room = [(0, 0)] * (len(sizes) + 2)
  for place, kind in enumerate(each):
    if kind == 'SAME':
      ends = -(-sizes[place] // stride[place]) - 1
      total = max(ends * stride[place] + sides[place] - sizes[place], 0)
      room[place + 1] = (total // 2, total - total // 2)
  padded = np.pad(x, room)
  windows = np.lib.stride_tricks.sliding_window_view(
    padded, sides, axis=tuple(range(1, len(sizes) + 1))
  )
  steps = tuple(slice(None, None, s) for s in stride)
  windows = np.moveaxis(windows[(slice(None), *steps)], len(sizes) + 1, -1)
  want = windows.reshape(*windows.shape[: len(sizes) + 1], -1) @ kernel.reshape(
    -1, out
  )
  forms = jax.jit(
    lambda x, k: [
      conv.conv(x, k, stride, form, padding) for form in ('blocks', 'lax')
    ]
  )
  for got in forms(x, kernel):
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-5)


def test_bad_padding_is_refused():
  x, kernel = jnp.zeros((1, 4, 4, 1)), jnp.zeros((5, 5, 1, 1))
  with pytest.raises(ValueError, match='5 on 4'):
    conv.conv(x, kernel, 1, padding='VALID')
  with pytest.raises(ValueError, match='VALIDE'):
    conv.conv(x, kernel, 1, padding='VALIDE')
  up = conv.Conv(2, 3, 2, transpose=True, padding='VALID')
  with pytest.raises(ValueError, match='SAME'):
    jax.eval_shape(up.init, jax.random.key(0), x)


def test_strides_for_other_ranks_are_refused():
  x, kernel = jnp.zeros((1, 4, 4, 1)), jnp.zeros((3, 3, 1, 1))
  for op in (conv.conv, conv.conv_transpose):
    with pytest.raises(ValueError, match='2 axes'):
      op(x, kernel, (2, 2, 2))


@pytest.mark.parametrize(
  'channels, encoder, decoder',
  [(1, 309_204, 381_313), (3, 310_228, 382_339)],
)
def test_parameter_counts_are_the_published_ones(channels, encoder, decoder):
  dataset = data.load('dsprites')._replace(observation_shape=(64, 64, channels))
  method = beta_vae.make(beta_vae.Config(), dataset)
  batch = {'observation': jnp.zeros((2, 64, 64, channels))}
  hparams = {k: jnp.float32(v) for k, v in beta_vae.HPARAMS.items()}
  state = jax.eval_shape(method.init, jax.random.key(0), batch, hparams)
  assert nets.count_parameters(state.params['encoder']) == encoder
  assert nets.count_parameters(state.params['decoder']) == decoder


def test_kernels_start_glorot_uniform_and_biases_at_zero():
  config = nets.conv.Config()
  encoder = nets.Encoder(config, (('mean', 10), ('logvar', 10)))
  x = jnp.zeros((1, 64, 64, 1))
  params = jax.jit(encoder.init)(jax.random.key(0), x)['params']
  kernel = params['Conv_1']['kernel']
  limit = np.sqrt(6 / (16 * 32 + 16 * 32))
  assert np.abs(kernel).max() <= limit
  np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3), rtol=0.02)
  assert not np.any(params['Conv_1']['bias'])


def test_a_tpu_takes_the_other_form():
  """Chosen by what is traced for, whatever the host is."""
  kernel, x = jnp.ones((4, 4, 2, 3)), jnp.ones((1, 8, 8, 2))
  # A new function each: JAX keeps traces by function.
  traced = lambda: str(jax.make_jaxpr(lambda x: conv.conv(x, kernel, 2))(x))
  assert 'conv_general_dilated' not in traced()
  with platforms.traced_for('tpu'):
    assert conv.default_form() == 'lax'
    assert 'conv_general_dilated' in traced()
  with platforms.traced_for('cuda'):
    assert conv.default_form() == 'blocks'
  with platforms.traced_for('cpu'):
    assert conv.default_form() == 'blocks'
