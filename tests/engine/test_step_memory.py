"""What a step holds, worked out by hand; and as compilers count it."""

import jax
import jax.numpy as jnp
import pytest

from disentangle_jax import platforms, studies
from disentangle_jax.engine import compiling
from disentangle_jax.engine.programs import (
  estimate,
  step_memory,
  topologies,
  train,
)

ROWS, INPUTS, OUTPUTS = 6, 5, 3
W = jax.ShapeDtypeStruct((INPUTS, OUTPUTS), jnp.float32)
X = jax.ShapeDtypeStruct((ROWS, INPUTS), jnp.float32)
FLOAT = 4


def gradient(w, x):
  """d/dw of |x w|^2 / 2."""
  return jax.lax.dot_general(x, x @ w, (((0,), (0,)), ((), ())))


def test_products_are_kept_until_they_are_read():
  """Beside the second product the first one; the new state takes no place."""
  step = lambda w, x: (w - 0.1 * gradient(w, x), ())
  expected = FLOAT * (ROWS * OUTPUTS + INPUTS * OUTPUTS)
  assert step_memory.scratch_bytes(step, W, X) == expected


def test_arithmetic_is_done_inside_its_readers():
  step = lambda w, x: (w - jnp.sum(jnp.exp(jnp.sin(x)) * 2), ())
  assert step_memory.scratch_bytes(step, W, X) == FLOAT  # the sum

  def twice(w, x):
    dear = jnp.exp(x)
    return w - jnp.sum(dear) - jnp.max(dear), ()

  # Kept for its second reader, with both reductions' results.
  expected = FLOAT * (ROWS * INPUTS + 2)
  assert step_memory.scratch_bytes(twice, W, X) == expected


def test_what_leads_to_no_result_is_not_held():
  def step(w, x):
    gradient(w, x)  # traced, and read by nothing
    return 2 * w, ()

  assert step_memory.scratch_bytes(step, W, X) == 0


def test_gradients_wait_for_the_last_one_but_on_a_tpu():
  """Two states: there the first gradient is gone when the second comes."""

  def step(state, x):
    first, second = state
    first_gradient, second_gradient = gradient(first, x), gradient(second, x)
    return (first - first_gradient, second - second_gradient), ()

  held = FLOAT * ROWS * OUTPUTS + FLOAT * INPUTS * OUTPUTS
  with platforms.traced_for('tpu'):
    soon = step_memory.scratch_bytes(step, (W, W), X)
  # Product and gradient: the axis of 3 is padded to 4, the other to 128.
  assert soon == 2 * FLOAT * 4 * 128
  for platform in ('cpu', 'cuda'):
    with platforms.traced_for(platform):
      late = step_memory.scratch_bytes(step, (W, W), X)
    assert late == held + FLOAT * INPUTS * OUTPUTS


def test_rows_that_are_looked_up_are_padded_on_a_tpu():
  """To 128 values each, as are their places in the table."""
  rows, width = 6, 5
  table = jax.ShapeDtypeStruct((40, width), jnp.float32)
  places = jax.ShapeDtypeStruct((rows,), jnp.int32)

  def step(table, places):
    found = jnp.take(table, places, axis=0, mode='clip')
    return table - jnp.sum(found), ()

  held = lambda: step_memory.scratch_bytes(step, table, places)
  assert held() == FLOAT * (rows * width + rows)
  with platforms.traced_for('tpu'):
    assert held() == FLOAT * (8 * 128 + 8 * 128)


def test_a_loop_holds_what_its_step_holds():
  def step(w, x):
    body = lambda carry, _: (carry - 0.1 * gradient(carry, x), ())
    return jax.lax.scan(body, w, length=7)[0], ()

  # Product and gradient are more than gradient and the next turn's carry.
  expected = FLOAT * (ROWS * OUTPUTS + INPUTS * OUTPUTS)
  assert step_memory.scratch_bytes(step, W, X) == expected


@pytest.mark.parametrize('then', ['sort', 'scan'])
def test_what_loops_leave_waits_for_all_of_them(then):
  """Two loops, of which the second starts after the first one was read.

  Not on a GPU; on a CPU what another loop reads.
  """
  length = 7

  def add(carry, row):
    return carry + row, ()

  read = {'sort': jnp.sort, 'scan': lambda x: jax.lax.scan(add, 0 * x[0], x)[0]}

  def step(w, x):
    def left(size):
      turn = lambda carry, _: (carry, jnp.full((size,), carry))
      return jax.lax.scan(turn, jnp.sum(x), length=length)[1]

    first, second = (jnp.sum(read[then](left(size))) for size in (3, 4))
    return w - first - second, ()

  def held(platform):
    with platforms.traced_for(platform):
      return step_memory.scratch_bytes(step, W, X)

  waiting = FLOAT * length * 3 if then == 'scan' else 0
  assert held('cpu') == held('cuda') + waiting
  # On a TPU both arrays and what one is read into, in tiles of 4 x 128.
  assert held('tpu') >= FLOAT * 3 * 4 * 128


def test_functions_inside_are_walked_in_their_place():
  inner = jax.jit(gradient)
  step = lambda w, x: (w - 0.1 * inner(w, x), ())
  plain = lambda w, x: (w - 0.1 * gradient(w, x), ())
  held = step_memory.scratch_bytes
  assert held(step, W, X) == held(plain, W, X)


KINDS = [
  'quickstart',
  'unsupervised_study:laptop',
  'infogan:laptop',
  'ada_gvae:laptop',
  'mvae:laptop',
  'independent_prediction:laptop',
  'mocogan:laptop',
  'grasp_geometry:laptop',
  'attribute_transfer:laptop',
  'icf:laptop',
  'arae:laptop',
  'darla:laptop',
]
# On a v5e: kinds whose scratch lies in vector memory, whole or in part.
SMALL_KINDS = [
  'quickstart',
  'infogan:laptop',
  'independent_prediction:laptop',
  'icf:laptop',
  'darla:laptop',
]


def check_estimate(name, topology):
  """An estimate is within the compiled figure and twice that."""
  key, _, variant = name.partition(':')
  plan = compiling.planned(studies.config_module(key).get_config(variant))
  group, runs = plan.groups[0], 8
  mesh = topology.mesh(1)
  over = mesh.devices.size
  held = train.compile_group(group, mesh, runs * over).memory.total
  with platforms.traced_for(topology.platform):
    at_once = train.runs_at_once(group, runs)
    bound = estimate.need(group, 0).training_bytes(runs, at_once)
  assert held <= bound <= 2 * held


@pytest.mark.slow
@pytest.mark.parametrize('name', KINDS)
def test_estimates_are_within_twice_what_is_compiled(name):
  """Of every kind of system; docs/performance.md has TPUs and GPUs too."""
  check_estimate(name, topologies.of('cpu'))


@pytest.mark.slow
@pytest.mark.parametrize('name', SMALL_KINDS)
def test_estimates_are_within_twice_what_is_compiled_for_a_tpu(name):
  pytest.importorskip('libtpu')
  check_estimate(name, topologies.of('v5e:1x1'))
