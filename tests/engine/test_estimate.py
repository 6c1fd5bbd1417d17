"""How many runs a program is planned for, by the memory of a device."""

import jax
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import checks, engine
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
