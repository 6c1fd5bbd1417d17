"""The count of a function's arithmetic, against closed forms and XLA."""

import jax
import jax.numpy as jnp
import pytest
from tiny_study import tiny_config

from disentangle_jax.engine.plan import group_shapes, planning
from disentangle_jax.engine.programs import arithmetic


def shape(*sizes, dtype=jnp.float32):
  return jax.ShapeDtypeStruct(sizes, dtype)


@pytest.mark.parametrize(
  ('function', 'arguments', 'expected'),
  [
    # Every one of 3 x 5 sums has 4 products and 4 additions.
    (jnp.matmul, (shape(3, 4), shape(4, 5)), 2 * 3 * 5 * 4),
    (jnp.matmul, (shape(7, 3, 4), shape(7, 4, 5)), 7 * 120),
    (lambda x: x * x + 1.0, (shape(6, 2),), 24),
    (jnp.sum, (shape(6, 2),), 12),
    # What only moves values, and work on indices.
    (lambda x: x.T[::2].reshape(-1), (shape(6, 2),), 0),
    (lambda x: x + 1, (shape(9, dtype=jnp.int32),), 0),
    # As often as a loop runs; the dearer branch.
    (
      lambda x: jax.lax.fori_loop(0, 10, lambda i, y: y * 2.0, x),
      (shape(3),),
      30,
    ),
    (
      lambda x: jax.lax.cond(
        jnp.sum(x) > 0.0, lambda y: y * 2.0 + 1.0, lambda y: y, x
      ),
      (shape(3),),
      3 + 6,
    ),
    # Inside functions of their own, and with a run axis.
    (jax.jit(jax.nn.relu), (shape(5),), 5),
    (
      jax.vmap(jnp.matmul, (0, None)),
      (shape(8, 3, 4), shape(4, 5)),
      8 * 120,
    ),
  ],
)
def test_closed_forms(function, arguments, expected):
  assert arithmetic.flops(function, *arguments) == expected


def conv(x, kernel, **options):
  return jax.lax.conv_general_dilated(
    x, kernel, dimension_numbers=('NHWC', 'HWIO', 'NHWC'), **options
  )


def test_a_convolution_multiplies_its_window_for_every_value():
  x, kernel = shape(2, 8, 8, 3), shape(4, 4, 3, 5)
  plain = lambda x, k: conv(x, k, window_strides=(2, 2), padding='VALID')
  made = 2 * 3 * 3 * 5
  assert arithmetic.flops(plain, x, kernel) == 2 * made * 4 * 4 * 3
  groups = lambda x, k: conv(
    x, k, window_strides=(1, 1), padding='SAME', feature_group_count=3
  )
  made = 2 * 8 * 8 * 6
  assert arithmetic.flops(groups, x, shape(4, 4, 1, 6)) == 2 * made * 16
  # Three of four values that a transpose reads are zeros that are not there.
  back = lambda x, k: conv(
    x,
    k,
    window_strides=(1, 1),
    padding=((2, 2), (2, 2)),
    lhs_dilation=(2, 2),
  )
  made = 2 * 16 * 16 * 5
  assert arithmetic.flops(back, x, kernel) == 2 * made * 4 * 3


@pytest.mark.parametrize('net', ['mlp', 'conv'])
def test_a_step_is_what_xla_counts(net):
  config = tiny_config()
  config.net.name, config.dataset.resolution = net, 64
  config.net.conv.conv_form = 'lax'
  (group, *_) = planning.make(config).groups
  hparams = {k: jnp.float32(v) for k, v in group.contract.hparams.items()}
  arguments = (
    jax.random.key(0),
    group_shapes.state_shapes(group),
    group_shapes.example_batch(group),
    hparams,
  )
  update = group.method.update
  counted = jax.jit(update).lower(*arguments).cost_analysis()['flops']
  assert arithmetic.flops(update, *arguments) == pytest.approx(counted, rel=0.1)
