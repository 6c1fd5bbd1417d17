"""GPU kernels of convolutions against XLA's own; interpreted without a GPU."""

import jax
from jax.experimental import pallas as pl
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import platforms
from disentangle_jax.engine.programs import arithmetic
from disentangle_jax.nn import conv, fused_conv

RNG = np.random.default_rng(0)
# Batch, height, width, side, stride, channels in and out: rows that end inside
# a tile, sides that a stride does not divide, parts that hold several taps
# (3, 1, 17) and taps of several parts (80, 128), columns of two tiles (70).
CASES = [
  (2, 8, 7, 4, 2, 3, 2),
  (1, 9, 5, 5, 2, 80, 3),
  (2, 6, 6, 3, 1, 1, 70),
  (3, 7, 4, 3, 2, 128, 1),
  (2, 5, 6, 2, 3, 17, 2),
]


@pytest.fixture(autouse=True)
def full_products():
  """On a GPU these tests run its kernels: in float32, not TensorFloat-32."""
  with jax.default_matmul_precision('float32'):
    yield


def normal(*shape):
  return jnp.asarray(RNG.normal(size=shape), jnp.float32)


def operands(case):
  batch, height, width, side, stride, wide, out = case
  x, kernel = normal(batch, height, width, wide), normal(side, side, wide, out)
  return (x, kernel, normal(out)), stride


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('op', [conv.conv, conv.conv_transpose])
def test_values_and_gradients_are_those_of_lax(op, case):
  """With bias and ReLU, and all three gradients."""
  arrays, stride = operands(case)

  def outcome(form, *arrays):
    x, kernel, bias = arrays
    y = op(x, kernel, stride, form, bias=bias, relu=True)
    return jnp.sum(jnp.sin(y)), y

  def both(*arrays):
    of = lambda form: jax.value_and_grad(
      lambda *a: outcome(form, *a), argnums=(0, 1, 2), has_aux=True
    )(*arrays)
    return of('fused'), of('lax')

  fused, lax = jax.jit(both)(*arrays)
  # Sums of up to 2,048 products of standard normals.
  for a, b in zip(jax.tree.leaves(fused), jax.tree.leaves(lax), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-4)


def test_runs_are_a_further_axis_of_the_grid():
  keys = jax.random.split(jax.random.key(0), 2)
  x = jax.random.normal(keys[0], (3, 2, 6, 6, 2))
  kernel = jax.random.normal(keys[1], (3, 4, 4, 2, 3))

  def gradients(form):
    loss = lambda x, k: jnp.sum(jnp.sin(conv.conv(x, k, 2, form)))
    return jax.vmap(jax.grad(loss, (0, 1)))(x, kernel)

  both = jax.jit(lambda: (gradients('fused'), gradients('lax')))()
  for a, b in zip(*both, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize('op', [conv.conv, conv.conv_transpose])
def test_second_gradients(op):
  """What a critic's gradient penalty needs."""
  x, kernel, bias = normal(1, 4, 4, 2), normal(4, 4, 2, 3), normal(3)

  def penalty(form, x, kernel, bias):
    loss = lambda x: jnp.sum(op(x, kernel, 2, form, bias=bias, relu=True) ** 2)
    return jnp.sum(jax.grad(loss)(x) ** 2)

  gradients = lambda form: jax.grad(
    lambda *a: penalty(form, *a), argnums=(0, 1, 2)
  )(x, kernel, bias)
  both = jax.jit(lambda: (gradients('fused'), gradients('lax')))()
  for a, b in zip(*both, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize('op', [conv.conv, conv.conv_transpose])
def test_sequences_are_images_of_one_row(op):
  x, kernel = normal(2, 7, 3), normal(4, 3, 2)
  both = jax.jit(lambda: [op(x, kernel, 2, form) for form in ('fused', 'lax')])
  np.testing.assert_allclose(*both(), atol=1e-5)


def test_clips_go_as_blocks():
  x, kernel = normal(1, 3, 4, 4, 2), normal(2, 2, 2, 2, 3)
  told = lambda form: str(
    jax.make_jaxpr(lambda x, k: conv.conv(x, k, 2, form))(x, kernel)
  )
  assert told('fused') == told('blocks')


def test_valid_padding():
  x, kernel = normal(2, 7, 6, 2), normal(3, 3, 2, 2)
  both = jax.jit(
    lambda: [
      conv.conv(x, kernel, 2, form, 'VALID') for form in ('fused', 'lax')
    ]
  )
  np.testing.assert_allclose(*both(), atol=1e-5)


def test_sums_are_float32_whatever_is_multiplied():
  """1 + 255 times 2**-8, in bfloat16 added one by one, would stay 1."""
  small = 2.0**-8
  x = jnp.full((1, 16, 16, 1), small, jnp.bfloat16).at[0, 0, 0, 0].set(1)
  kernel = jnp.ones((16, 16, 1, 1), jnp.bfloat16)
  y = jax.jit(lambda: conv.conv(x, kernel, 1, 'fused', 'VALID'))()
  assert y.dtype == jnp.bfloat16 and y.shape == (1, 1, 1, 1)
  assert float(y[0, 0, 0, 0]) == 2.0


def gradient(x, kernel, bias):
  loss = lambda *a: jnp.sum(
    conv.conv(a[0], a[1], 2, 'fused', bias=a[2], relu=True)
  )
  return jax.grad(loss, argnums=(0, 1, 2))(x, kernel, bias)


@pytest.mark.parametrize('said', ['cuda', ''])
@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_a_gpu_gets_one_kernel_for_each(dtype, said):
  """Lowered for a GPU: forwards, and with respect to image and taps.

  Outside of the engine no platform is said while a function is traced.
  """
  shape = lambda *sizes: jax.ShapeDtypeStruct(sizes, dtype)
  arrays = shape(8, 16, 16, 32), shape(4, 4, 32, 48), shape(48)
  with platforms.traced_for(said):
    runs = jax.jit(jax.vmap(gradient))
    runs = runs.trace(*(shape(3, *a.shape) for a in arrays))
    text = runs.lower(lowering_platforms=('cuda',)).as_text()
  assert text.count('custom_call @__gpu$xla.gpu.triton') == 3
  assert text.count('custom_call') == 3
  assert 'stablehlo.dot_general' not in text


def test_its_arithmetic_is_that_of_all_tiles():
  """Of 100 rows and 20 columns tiles of 64 and 32; taps of 48 channels in 3."""
  geometry = fused_conv.Geometry((5, 5), (5, 5), (1, 1), (1, 1), (0, 0))
  x, kernel = jnp.zeros((4, 5, 5, 48)), jnp.zeros((1, 1, 48, 20))
  product = lambda: fused_conv.down(x, kernel, geometry)
  tiles, parts = pl.cdiv(100, 64), 3
  assert arithmetic.flops(product) >= tiles * parts * 2 * 64 * 16 * 32
  assert arithmetic.flops(product) < 1.3 * tiles * parts * 2 * 64 * 16 * 32
