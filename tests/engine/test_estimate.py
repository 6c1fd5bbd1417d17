"""How many runs a program is planned for, by the memory of a device."""

import jax
import jax.numpy as jnp
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import checks, engine, platforms
from disentangle_jax.engine.plan import planning
from disentangle_jax.engine.programs import devices, estimate, train

MIB = 2**20


@pytest.fixture(scope='module')
def group():
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 2, 4, 8]})
  config.seeds = 4
  return planning.make(config).groups[0]


def test_the_bound_is_above_what_the_compiler_counts(group):
  mesh = devices.mesh()
  over = mesh.shape[devices.RUNS]
  program = train.compile_group(group, mesh, 4 * over, 5)
  each = estimate.compiled_bytes(group, mesh, 0)
  bound = estimate.need(group, 0).bytes_per_run
  assert program.memory.total / 4 <= 1.2 * each
  assert each < bound < 2.5 * each  # one run; of eight within twice


def test_memory_decides_by_the_compiled_program(group):
  mesh = devices.mesh()
  over = mesh.shape[devices.RUNS]
  points = 1_000_000
  each = estimate.compiled_bytes(group, mesh, points)
  # Three latents: mean, log variance and the vector itself.
  assert each > 3 * 3 * 4 * points
  of = lambda room: estimate.runs_per_chunk(group, mesh, 0, points, room)
  plenty = of(2**40)
  assert plenty == len(group.runs) == 16
  assert of(int(2.1 * each / 0.6)) == min(2 * over, plenty)
  with pytest.raises(
    dj.ConfigError, match=r'one run holds .* GiB, a device'
  ) as e:
    of(int(0.9 * each))
  assert '\n' not in str(e.value)
  # What the user asks for is not second-guessed.
  assert estimate.runs_per_chunk(group, mesh, 6, points, 1) == (
    devices.padded(6, over)
  )


def test_the_data_set_is_counted_once_for_all_runs(group):
  images = jnp.zeros((1000, 64), jnp.uint8)
  data = group.dataset._replace(arrays={'images': images})
  with_images = group._replace(dataset=data)
  need, without = (estimate.need(g, 0) for g in (with_images, group))
  assert (need.data_bytes, without.data_bytes) == (64_000, 0)
  assert need.bytes_per_run == without.bytes_per_run
  for runs, at_once in ((1, 0), (8, 0), (8, 1)):
    more = need.training_bytes(runs, at_once)
    assert more - without.training_bytes(runs, at_once) == 64_000
  # A TPU holds 64 columns of 1,024, and rows to look up, each of 128.
  with platforms.traced_for('tpu'):
    on_tpu = estimate.need(with_images, 0)
  assert on_tpu.data_bytes == 64 * 1024 + 1000 * 128
  assert on_tpu.copied_bytes == 1000 * 128
  mesh, points = devices.mesh(), 1_000_000
  # No step reads them: nothing is taken off what the compiler counts.
  alone = estimate.compiled_bytes(group, mesh, 0)
  assert abs(estimate.compiled_bytes(with_images, mesh, 0) - alone) < 1_000
  each = estimate.compiled_bytes(group, mesh, points)
  room = int(2.1 * each / 0.6)
  of = lambda g, room: estimate.runs_per_chunk(g, mesh, 0, points, room)
  assert of(with_images, room + 64_000) == of(group, room) < len(group.runs)


def test_scratch_in_vector_memory_is_not_counted():
  """But for copies of states; all of it where it is more than twice that."""
  need = estimate.Need(
    0, 0.0, 0.0, state_bytes=100, scratch_bytes=90, vector_bytes=1000
  )
  assert need._replace(vector_bytes=0).training_bytes(8) == 800 + 720
  # Three quarters of the states, or all there is.
  assert need.training_bytes(8) == 800 + 600
  assert need._replace(scratch_bytes=10).training_bytes(8) == 800 + 80
  # What does not fit.
  assert need._replace(scratch_bytes=220).training_bytes(8) == 800 + 760
  assert need._replace(scratch_bytes=260).training_bytes(8) == 800 + 2080
  # Of a data set what a step copies may lie there too.
  data = need._replace(data_bytes=50, copied_bytes=20, scratch_bytes=10)
  assert data.training_bytes(8) == 30 + 800 + 100
  # One run at a time: those that wait have states alone.
  assert need.training_bytes(8, 1) == 800 + 90


def test_a_dry_run_plans_for_another_device():
  config = tiny_config()
  config.methods, config.metrics = ('beta_vae',), ()
  config.sweep = dj.product({'hparams.beta': [1, 2, 4, 8]})
  config.seeds = 4
  of = lambda room: engine.dry_run(
    config, measure=lambda: 1e9, memory_bytes=room
  )[1]
  group = planning.make(config).groups[0]
  each = estimate.compiled_bytes(group, devices.mesh(), 0)
  over = len(jax.local_devices())
  (large,), (small,) = of(2**40), of(int(2.1 * each / 0.6))
  assert large == 16 and small == min(2 * over, 16)


def test_only_codes_that_metrics_draw_are_counted():
  """A grid of scenes has 5e7 points and more: no device could hold them."""

  def points(*metrics, num_train=50_000, scenes=True):
    config = tiny_config()
    config.methods, config.sweep, config.seeds = ('beta_vae',), None, 1
    if scenes:
      config.dataset = {'name': 'multi_shapes', 'resolution': 8}
    config.metrics = metrics
    config.metric_options.mig_binned.num_train = num_train
    plan = planning.make(config)
    return estimate.grid_points(plan, plan.groups[0])

  assert points() == points('kl') == 0
  assert points('mig_binned') == points('mig_binned', 'kl') == 50_000
  assert points('mig_binned', num_train=100) == 32_768
  assert points('mig_binned', scenes=False) == 3 * 2 * 2 * 4 * 4


@pytest.mark.parametrize(
  ('text', 'size'),
  [('15.75GiB', 63 * 2**28), ('80GB', 80 * 10**9), ('512 MiB', 512 * MIB)],
)
def test_sizes_in_words(text, size):
  assert checks.memory('--memory', text) == size


@pytest.mark.parametrize('text', ['15', 'GiB', '-1GiB', '0GiB', '1TB', ''])
def test_other_words_are_refused(text):
  with pytest.raises(dj.ConfigError, match='must be a size such as'):
    checks.memory('--memory', text)
