"""Compiling for devices: what texts say, refusals, and TPUs without one."""

import importlib.util
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax.engine import compiling
from disentangle_jax.engine.plan import group_shapes, planning
from disentangle_jax.engine.programs import (
  devices,
  program_text,
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
  assert program_text.cycles_per_step(TEXT) == 100 + 5
  entry = TEXT.replace(
    'while(%t), condition=%cond, body=%outer.body', 'tuple()'
  )
  assert program_text.cycles_per_step(entry) == 7000
  assert program_text.cycles_per_step('') == 0


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
  # The compiler's figure holds the states, whatever else there is.
  state = group_shapes.stacked_shapes(plan.groups[0], 4)
  count = sum(4 * np.prod(x.shape) for x in jax.tree.leaves(state))
  assert rows[0].bytes > count / topology.mesh().shape[devices.RUNS]
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
  ('module', 'name', 'line'),
  [
    ('libtpu', 'v5e:2x2', "pip install 'jax.tpu.'"),
    ('jax_cuda12_plugin', 'h100:1', "pip install 'jax.cuda12.'"),
  ],
)
def test_a_missing_compiler_says_what_to_install(
  module, name, line, monkeypatch
):
  real = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util,
    'find_spec',
    lambda asked, *more: None if asked == module else real(asked, *more),
  )
  with pytest.raises(dj.ConfigError, match=line):
    topologies.of(name)


def test_shards_must_divide_the_devices():
  four = topologies.Topology('v5e:2x2', 'tpu', jax.devices()[:1] * 4, 1)
  with pytest.raises(dj.ConfigError, match='must divide the 4 devices of v5e'):
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
    assert rows[0].cycles > 0
    kinds = {name.partition(' ')[2] for name in rows[0].collectives}
    # Nothing passes between runs: groups are those of one batch.
    assert kinds == (set() if groups is None else {groups}), rows[0]
    state = group_shapes.stacked_shapes(
      planning.make(config).groups[0], rows[0].runs
    )
    count = sum(4 * np.prod(x.shape) for x in jax.tree.leaves(state))
    assert rows[0].bytes >= count / (len(topology.devices) // shards)


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
