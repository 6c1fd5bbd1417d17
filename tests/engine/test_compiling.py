"""Compiling for devices: what texts say, refusals, and TPUs without one."""

import importlib.util
import itertools
import pathlib
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import platforms
from disentangle_jax.engine import compiling
from disentangle_jax.engine.plan import group_shapes, planning
from disentangle_jax.engine.programs import (
  devices,
  memory,
  program_text,
  step_cost,
  topologies,
)
from disentangle_jax.studies.unsupervised_study import (
  config as unsupervised_study,
)

# A module as compilers print them, shortened: a loop whose body speaks.
TEXT = """\
HloModule jit_segment

%fused (p.0: f32[2]) -> f32[2] {
  ROOT %m = f32[2] multiply(%p.0, %p.0), backend_config={"estimated_cycles":"9"}
}

%inner.body (q: (s32[])) -> (s32[]) {
  %i = s32[] add(%q, %q), backend_config={"estimated_cycles":"5"}
}

%outer.body (w: (s32[], f32[2])) -> (s32[], f32[2]) {
  %a = f32[2] fusion(%w), calls=%f, backend_config={"estimated_cycles":"100"}
  %s = f32[2] all-reduce-start(%a), replica_groups={{0,1},{2,3}}, to_apply=%add
  %d = f32[2] all-reduce-done(%s)
  %g = f32[4] all-gather(%d), replica_groups=[2,2]<=[4], dimensions={0}
  %n = f32[2] all-reduce(%d), replica_groups={{0},{1},{2},{3}}, to_apply=%add
  %o = f32[2] all-reduce(%d), replica_groups=[4,1]<=[4], to_apply=%add
  %l = (s32[]) while(%i), condition=%c, body=%inner.body
}

ENTRY %main (x: f32[2]) -> f32[2] {
  %before = f32[2] add(%x, %x), backend_config={"estimated_cycles":"7000"}
  %w = (s32[], f32[2]) while(%t), condition=%cond, body=%outer.body
}
"""


def test_collectives_are_counted_once_with_their_groups():
  assert program_text.collectives(TEXT) == {
    'all-gather {{0,1},{2,3}}': 1,
    'all-reduce {{0,1},{2,3}}': 1,
  }


@pytest.mark.parametrize(
  ('said', 'groups'),
  [
    ('{{0,2},{1,3}}', [[0, 2], [1, 3]]),
    ('[2,2]<=[4]', [[0, 1], [2, 3]]),
    ('[2,2]<=[2,2]T(1,0)', [[0, 2], [1, 3]]),
    ("mesh['runs'=2,'data'=2] {'data'}", [[0, 1], [2, 3]]),
    ("mesh['runs'=2,'data'=2] {'runs'}", [[0, 2], [1, 3]]),
    ("mesh['runs'=4,'data'=1] {'data'}", [[0], [1], [2], [3]]),
    ("mesh['runs'=1,'data'=2] {'runs','data'}", [[0, 1]]),
    ('{}', []),
  ],
)
def test_groups_are_read_in_all_their_forms(said, groups):
  line = f'  %a = f32[] all-reduce(%b), replica_groups={said}, to_apply=%add'
  assert program_text.groups_of(line) == groups


def test_cycles_are_those_of_the_loop():
  assert step_cost.of(TEXT).cycles == 100 + 5
  entry = TEXT.replace(
    'while(%t), condition=%cond, body=%outer.body', 'tuple()'
  )
  assert step_cost.of(entry).cycles == 7000
  # Runs in three parts: the loop over steps is the one inside.
  assert step_cost.of(TEXT, parts=3).cycles == 3 * 5
  assert step_cost.of('') == (0, 0, 0, 0.0, {})


@pytest.mark.parametrize(
  ('kind', 'size', 'on_chip'),
  [
    ('f32[3,5]{1,0}', 60, False),
    ('bf16[4]', 8, False),
    ('pred[7]{0}', 7, False),
    ('u4[6]{0}', 3, False),
    ('f32[]', 4, False),
    # Tiles pad the last axes in memory: here axis 1 to 128, axis 0 to 8.
    ('f32[3,5]{1,0:T(8,128)}', 8 * 128 * 4, False),
    # And here axis 0 is the last one in memory.
    ('f32[3,5]{0,1:T(8,128)S(1)}', 8 * 128 * 4, True),
    ('f32[2,3,5]{1,2,0:T(8,128)}', 2 * 8 * 128 * 4, False),
    ('f32[300]{0:T(128)}', 384 * 4, False),
    ('bf16[3,5]{1,0:T(8,128)(2,1)}', 8 * 128 * 2, False),
  ],
)
def test_arrays_take_their_tiles(kind, size, on_chip):
  one = program_text.instruction(f'  %a.1 = {kind} add(%b, %c)')
  assert one.arrays == ((size, on_chip),)
  assert one.bytes == size and one.main_bytes == (0 if on_chip else size)


def test_an_instruction_is_read_whole():
  one = program_text.instruction(
    '  ROOT %l.2 = (f32[2]{0}, /*index=1*/s32[]) while(%t.3), condition=%c, '
    'body=%b.4, metadata={op_name="jit(f)/while"}'
  )
  assert (one.name, one.opcode, one.root) == ('l.2', 'while', True)
  assert one.operands == ('t.3',) and one.called == {'body': 'b.4'}
  assert one.bytes == 8 + 4
  assert program_text.instruction('}') is None


# A loop of a GPU's program: one product with what is added to it, one read of a
# row, one row written in place, a library's call and a copy.
KERNELS = """\
HloModule jit_segment

%product (p.0: f32[4,8], p.1: f32[8,2]) -> f32[4,2] {
  %p.0 = f32[4,8]{1,0} parameter(0)
  %p.1 = f32[8,2]{1,0} parameter(1)
  ROOT %d = f32[4,2]{1,0} dot(%p.0, %p.1)
}

%row (p.2: f32[100,8], p.3: s32[]) -> f32[1,8] {
  %p.2 = f32[100,8]{1,0} parameter(0)
  %p.3 = s32[] parameter(1)
  ROOT %s = f32[1,8]{1,0} dynamic-slice(%p.2, %p.3), dynamic_slice_sizes={1,8}
}

%write (p.4: f32[100,8], p.5: f32[1,8], p.6: s32[]) -> f32[100,8] {
  %p.4 = f32[100,8]{1,0} parameter(0)
  %p.5 = f32[1,8]{1,0} parameter(1)
  %p.6 = s32[] parameter(2)
  ROOT %u = f32[100,8]{1,0} dynamic-update-slice(%p.4, %p.5, %p.6)
}

%body (q: (s32[], f32[4,8], f32[8,2], f32[100,8])) -> (s32[], f32[4,2]) {
  %q = (s32[], f32[4,8]{1,0}, f32[8,2]{1,0}, f32[100,8]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%q), index=0
  %x = f32[4,8]{1,0} get-tuple-element(%q), index=1
  %w = f32[8,2]{1,0} get-tuple-element(%q), index=2
  %t = f32[100,8]{1,0} get-tuple-element(%q), index=3
  %f.1 = f32[4,2]{1,0} fusion(%x, %w), kind=kCustom, calls=%product
  %f.2 = f32[1,8]{1,0} fusion(%t, %i), kind=kLoop, calls=%row
  %f.3 = f32[100,8]{1,0} fusion(%t, %f.2, %i), kind=kLoop, calls=%write
  %g = (f32[4,2], s8[64]) custom-call(%x, %w), custom_call_target="__cublas$mm"
  %c = f32[4,8]{1,0} copy(%x)
  ROOT %r = (s32[], f32[4,2]{1,0}) tuple(%i, %f.1)
}

ENTRY %main (x: f32[2]) -> f32[2] {
  %w = (s32[], f32[4,2]{1,0}) while(%t), condition=%cond, body=%body
}
"""


def test_a_step_moves_what_its_kernels_read_and_write():
  cost = step_cost.of(KERNELS)
  product = 4 * (4 * 8 + 8 * 2 + 4 * 2)
  library = product + 64
  row = 4 * (8 + 8 + 1)  # a row of the table, its copy, the index
  write = 4 * (8 + 1) + 2 * 4 * 8  # the update and the index; in place
  copy = 2 * 4 * 32
  assert cost.kernels == 5
  assert cost.bytes == product + library + row + write + copy
  assert cost.products == pytest.approx((product + library) / cost.bytes)
  assert cost.custom_calls == {'__cublas$mm': 1} and cost.cycles == 0


def test_a_product_of_this_machine_is_seen_with_its_bytes():
  """A loop that the CPU's compiler wrote, with one product of known size."""

  def step(x, _):
    return jnp.sin(x @ jnp.full((64, 64), 0.01)), None

  loop = jax.jit(lambda x: jax.lax.scan(step, x, length=50)[0])
  text = loop.lower(jnp.ones((64, 64))).compile().as_text()
  cost = step_cost.of(text)
  least = 4 * 64 * 64
  assert 2 * least <= cost.bytes <= 12 * least
  assert cost.products > 0.2


def state_bytes(group, runs, topology, shards=1):
  """Of the states of a device, and the steps at which its runs diverged.

  The order of axes is the one that pads least, as compilers choose it.
  """
  least = lambda shape: min(
    memory.array_bytes(order) for order in itertools.permutations(shape)
  )
  state = group_shapes.stacked_shapes(group, runs)
  diverged = jax.ShapeDtypeStruct((runs,), np.int32)
  over = topology.mesh(shards).shape[devices.RUNS]
  with platforms.traced_for(topology.platform):
    return sum(
      least((x.shape[0] // over, *x.shape[1:]))
      for x in (diverged, *jax.tree.leaves(state))
    )


def one_method():
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  config.metrics = ('mig_binned', 'kl')
  return config


def test_this_machine_is_a_topology_too():
  plan = compiling.planned(one_method())
  topology = topologies.of('cpu')
  rows = list(compiling.rows(plan, topology, [4]))
  names = [row.program for row in rows]
  assert names[0] == 'training' and 'encoding' in names
  assert {'mig_binned, mean', 'kl'} <= set(names)
  assert all(row.fits and row.runs == 4 for row in rows)
  assert rows[0].collectives == {}
  # The compiler's figure holds the states, to the byte, and the step at which
  # each run diverged beside them.
  assert rows[0].state == state_bytes(plan.groups[0], 4, topology)
  assert rows[0].bytes > rows[0].state + rows[0].scratch
  assert rows[0].bound >= rows[0].bytes and not rows[1].bound
  small = topology._replace(memory=rows[0].bytes - 1)
  assert not next(compiling.rows(plan, small, [4])).fits
  assert compiling.fit(rows)
  refused = [row._replace(fits=False, runs=8) for row in rows]
  # What a smaller program mends is no failure; the last size counts.
  assert compiling.fit(refused + rows) and not compiling.fit(rows + refused)


@pytest.mark.parametrize(
  ('name', 'said'),
  [
    ('v5e', "did you mean 'v5e:2x4'"),
    ('h100', "did you mean 'h100:1'"),
    ('tpu', 'legal: cpu, h100:1, h200:1, v4:2x2x1'),
    ('h100:0', 'unknown'),
    ('v5e:2', 'unknown'),
  ],
)
def test_unknown_topologies_are_refused(name, said):
  with pytest.raises(dj.ConfigError, match=said) as caught:
    topologies.of(name)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('modules', 'name', 'line'),
  [
    ('libtpu', 'v5e:2x2', "pip install 'jax.tpu.'"),
    ('jax_cuda1[23]_plugin', 'h100:1', "pip install 'jax.cuda12.'"),
  ],
)
def test_a_missing_compiler_says_what_to_install(
  modules, name, line, monkeypatch
):
  real = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util,
    'find_spec',
    lambda asked, *more: (
      None if re.fullmatch(modules, asked) else real(asked, *more)
    ),
  )
  with pytest.raises(dj.ConfigError, match=line):
    topologies.of(name)


def test_shards_must_divide_the_devices():
  four = topologies.Topology('v5e:2x2', 'tpu', jax.devices()[:1] * 4, 1)
  with pytest.raises(dj.ConfigError, match='devices of v5e:2x2, 4'):
    four.mesh(3)


def test_a_gpu_is_described_from_a_table_of_numbers():
  text = topologies.description(topologies.GPUS['h100'])
  for said in (
    'core_count: 132',
    'device_memory_size: 85899345920',
    'memory_bandwidth: 3350000000000',
    'major: 9 minor: 0',
    'name: "NVIDIA H100 80GB HBM3"',
  ):
    assert said in text
  assert text.count('{') == text.count('}')


TPU_SCRIPT = """
import sys
sys.path.insert(0, {here!r})
import jax
jax.config.update('jax_platforms', 'cpu')
import test_compiling
test_compiling.{function}()
"""


def apart(function):
  """Runs a function of this file in a process of its own.

  libtpu is loaded once per process and changes how JAX finds devices.
  """
  here = str(pathlib.Path(__file__).parent)
  script = TPU_SCRIPT.format(here=here, function=function)
  done = subprocess.run(
    [sys.executable, '-c', script], capture_output=True, text=True, timeout=1700
  )
  assert done.returncode == 0, done.stderr[-2000:]


def tpu_study():
  """A tiny study on one host and on a slice of a pod, one and two shards."""
  config = one_method()
  for shape, shards, groups in (
    ('v5e:2x2', 1, None),
    ('v5e:2x2', 2, '{{0,1},{2,3}}'),
    ('v5e:4x4', 4, '{{0,1,2,3},{4,5,6,7},{8,9,10,11},{12,13,14,15}}'),
  ):
    config.engine.data_shards = shards
    topology = topologies.of(shape)
    rows = list(compiling.rows(compiling.planned(config), topology))
    assert rows[0].program == 'training' and len(rows) > 3
    assert all(row.fits for row in rows), rows
    assert rows[0].cost.cycles > 0
    kinds = {name.partition(' ')[2] for name in rows[0].collectives}
    # Nothing passes between runs: groups are those of one batch.
    assert kinds == (set() if groups is None else {groups}), rows[0]
    group = planning.make(config).groups[0]
    states = state_bytes(group, rows[0].runs, topology, shards)
    # To the byte, tiles included; a compiler may also choose for its kernels.
    assert states <= rows[0].state <= 1.1 * states, (rows[0].state, states)


def gpu_study():
  """A tiny study on one H100: what a step moves, and its floor."""
  topology = topologies.of('h100:1')
  rows = list(compiling.rows(compiling.planned(one_method()), topology, [4]))
  assert all(row.fits for row in rows) and len(rows) > 3, rows
  group = planning.make(one_method()).groups[0]
  assert rows[0].state == state_bytes(group, 4, topology)
  assert rows[0].cost.kernels > 10 and rows[0].cost.cycles == 0
  # A step reads and writes its states at least once.
  assert rows[0].cost.bytes > 2 * rows[0].state
  assert 0 < rows[0].cost.products < 1


def gpu_convolutions():
  """The large study's nets on one H100: what our kernels need not move."""
  topology, costs = topologies.of('h100:1'), {}
  for form in ('blocks', 'fused'):
    config = unsupervised_study.get_config()
    config.methods, config.metrics = ('beta_vae',), ('kl',)
    config.sweep = dj.product({'hparams.beta': [1, 4]})
    config.net.conv.conv_form = form
    rows = compiling.rows(compiling.planned(config), topology, [8])
    costs[form] = next(row.cost for row in rows if row.training)
  # Of eight layers three kernels each, but for the gradient of the images.
  fused, blocks = costs['fused'], costs['blocks']
  assert sum(fused.custom_calls.values()) == 23, fused
  assert fused.bytes < blocks.bytes / 2
  assert 1e3 * topology.seconds(fused) / 8 <= 0.08


def large_study():
  """The large study on one v5e chip: 75 runs used to fail after training."""
  config = unsupervised_study.get_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 2, 4, 6, 8, 16]})
  # The score that needed most; each takes minutes to compile.
  config.metrics = ('beta_vae_score',)
  topology = topologies.of('v5e:1x1')
  rows = list(compiling.rows(compiling.planned(config), topology))
  last = [row for row in rows if row.runs == rows[-1].runs]
  names = {row.program for row in last}
  assert {'training', 'encoding', 'beta_vae_score, sampled'} <= names
  assert compiling.fit(rows) and rows[-1].runs >= 8, rows


@pytest.mark.slow
@pytest.mark.timeout(1800)  # large programs, minutes of compiling each
@pytest.mark.parametrize('function', ['tpu_study', 'large_study'])
def test_studies_compile_for_tpus(function):
  pytest.importorskip('libtpu')
  apart(function)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize('function', ['gpu_study', 'gpu_convolutions'])
def test_studies_compile_for_a_gpu(function):
  pytest.importorskip('jax_cuda12_plugin')
  apart(function)
