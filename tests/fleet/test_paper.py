"""The plan on paper against the engine's own plans."""

import importlib.util

import pytest

from disentangle_jax import errors
from disentangle_jax.engine import outlook
from disentangle_jax.engine.plan import planning, registry
from disentangle_jax.engine.programs import topologies
from disentangle_jax.engine.workdir import study
from disentangle_jax.fleet import drafting, events, paper, weather
from disentangle_jax.studies.quickstart import config as quickstart


@pytest.fixture(scope='module')
def config():
  return quickstart.get_config('smoke')


@pytest.fixture(scope='module')
def sketch(config):
  return drafting.sketch(config)


def fleet_of(name, hosts=1, ray=False):
  return paper.Fleet(name, topologies.machines(name), hosts, ray)


def test_more_seeds_are_counted_as_the_engine_plans_them(
  sketch, config, tmp_path
):
  config = config.copy_and_resolve_references()
  config.seeds = 70
  plan = planning.make(config, registry.of())
  fleet = fleet_of('v5e:4x4', 4)
  many = drafting.write(sketch._replace(seeds=70), fleet)
  assert many.runs == len(plan.runs)
  sizes = [group.size for group in many.groups]
  old = study.open_study(tmp_path, plan, {run.run_id for run in plan.runs})
  chunks = study.chunks(old, plan, sizes, over=4)
  assert many.chunks == len(chunks)
  assert many.files == 2 * len(plan.runs) + len(chunks)
  study.save(tmp_path, old, plan, chunks)
  (path,) = tmp_path.glob('study.json')
  assert many.study_bytes == pytest.approx(path.stat().st_size, rel=0.03)
  for group in many.groups:
    # Each host gets some of every group, over its four devices.
    assert group.size % 4 == 0 and group.size == 4 * group.each
    assert group.chunks * group.size >= group.runs
    assert group.chunks >= 4


def test_bytes_and_time_are_those_of_a_dry_run(sketch, config):
  dry = outlook.dry_run(config, measure=lambda: 1.0)
  one = drafting.write(sketch, fleet_of('h100:1'), drafting.Asked(2.0))
  assert one.runs == len(dry.plan.runs)
  assert one.left_bytes == pytest.approx(dry.disk_bytes, rel=1e-3)
  group = one.groups[0]
  # 2 ms for each step and run, one after the other on one device.
  assert group.seconds == pytest.approx(2e-3 * group.steps * group.size)
  ratio = dry.needs[1].flops_per_step / dry.needs[0].flops_per_step
  assert one.groups[1].seconds == pytest.approx(
    2e-3 * ratio * one.groups[1].steps * one.groups[1].size
  )
  assert one.seconds == pytest.approx(one.work_seconds)
  assert one.device_hours == pytest.approx(one.work_seconds / 3600)


def made_up(seconds, chunks, hosts, ray, compile_seconds=0.0):
  groups = [
    paper.Group(f'{n}', c, 0, 1, c, 1, 100, 50, s, 10, 10, 10)
    for n, (s, c) in enumerate(zip(seconds, chunks))
  ]
  fleet = fleet_of('h100:1', hosts, ray)
  return paper.Paper(
    'made up', sum(chunks), fleet, groups, False, 2, 0, 600.0, compile_seconds
  )


def test_hosts_are_dealt_chunks_in_turns_and_a_queue_is_taken_from():
  seconds = [5.0] * 4 + [3.0] * 7
  dealt = made_up([5.0, 3.0], [4, 7], 3, False)
  assert dealt.hosts_seconds() == [sum(seconds[k::3]) for k in range(3)]
  queued = made_up([5.0, 3.0], [4, 7], 3, True, compile_seconds=1.0)
  works = [events.Work(4, 5.0, compile=1.0), events.Work(7, 3.0, compile=1.0)]
  calm = events.calm(works, events.Fleet(3))
  assert queued.seconds == calm.seconds
  assert weather.works(queued, 0.0)[1].chunks == 7
  # More workers than chunks: the longest chunk, and the rest is idle.
  wide = made_up([5.0, 3.0], [4, 7], 100, True)
  assert wide.seconds == 5.0 and wide.busy == pytest.approx(41 / 500)


@pytest.mark.parametrize(
  ('name', 'hosts', 'devices', 'one'),
  [
    ('v5e:4x4', 4, 4, 'v5e:2x2'),
    ('v5e:16x16', 64, 4, 'v5e:2x2'),
    ('v4:2x4x4', 8, 4, 'v4:2x2x1'),
    ('v5e:2x2', 1, 4, 'v5e:2x2'),
    ('h100:8', 1, 8, 'h100:8'),
  ],
)
def test_hosts_of_topologies(name, hosts, devices, one):
  machines = topologies.machines(name)
  assert machines[2:4] == (hosts, devices) and machines.one == one
  if machines.platform == 'tpu' and importlib.util.find_spec('libtpu'):
    described = topologies.of(name)
    places = [device.process_index for device in described.devices]
    assert len(set(places)) == hosts and len(places) == hosts * devices
    assert described.memory == machines.memory


@pytest.mark.parametrize('name', ['v9:2x2', 'v5e:4', 'v4:4x4', 'h100', 'cpu'])
def test_no_such_machines(name):
  with pytest.raises(errors.ConfigError, match='--topology'):
    topologies.machines(name)


def test_parts_of_studies_have_no_fleet(config):
  config = config.copy_and_resolve_references()
  config.slice = '1/2'
  with pytest.raises(errors.ConfigError, match=r'config\.slice'):
    drafting.sketch(config)


def test_the_verdict_names_what_breaks_first():
  work = events.Work(20, 1000.0, checkpoint=events.Transfer(1e6))
  fleet = events.Fleet(5, bandwidth=1e9)
  told = weather.Forecast('some', [work], fleet, 1)
  for rate in (10.0, 0.0, 0.1):
    told.at(rate)
  assert 'breaks at 10 preemptions' in told.verdict()
  assert 'a worker lives 6 minutes' in told.verdict()
  pod = weather.Forecast('pod', [work], fleet._replace(together=True), 1)
  pod.at(10.0)
  assert 'all hosts together live 1.2 minutes' in pod.verdict()
  slow = fleet._replace(bandwidth=3e2)
  stored = weather.Forecast('slow store', [work], slow, 1)
  stored.at(0.0)
  assert 'breaks at 0' in stored.verdict()
  assert 'waiting for the store' in stored.verdict()
  calm = weather.Forecast('calm', [work], fleet, 1)
  calm.at(0.01)
  assert 'holds up to 0.01' in calm.verdict()
