"""One compiled step per method and mesh, shared by all tests here."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
import numpy as np
import pytest
from tiny_methods import BASE, BATCH_SIZE, SMALL, SPRITES

from disentangle_jax import data as data_lib
from disentangle_jax.data import samplers
from disentangle_jax.methods import METHODS, contract

# The programs are tiny: compiling them is what takes the time.
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


@dataclasses.dataclass(eq=False)
class Harness:
  """A method on small sprites, with `step` compiled for a mesh.

  Attributes:
    contract: what the method's module says.
    config: its static config.
    method: the pure functions.
    data: the data set.
    hparams: the base hyper-parameters, floats.
    probes: (name, value) of every other run in the program; the last repeats
      the base.
    traces: how often `step` was traced.
    before: the phase that it starts from, or None.
    programs: what `program` has built.
  """

  contract: Any
  config: Any
  method: Any
  data: Any
  hparams: dict[str, float]
  probes: list[tuple[str, float]]
  before: Any = None
  jit = staticmethod(quick_jit)
  traces: int = 0
  programs: dict = dataclasses.field(default_factory=dict)

  def rows(self, solo: bool) -> list[dict[str, float]]:
    """Hyper-parameters of every run."""
    if solo:
      return [self.hparams]
    return [
      self.hparams,
      *[{**self.hparams, name: value} for name, value in self.probes],
      self.hparams,
    ]

  def stacked(self, rows) -> dict[str, np.ndarray]:
    """Hyper-parameters as float32 [R]."""
    return {
      name: np.array([row[name] for row in rows], np.float32)
      for name in self.hparams
    }

  def keys(self, step: int) -> tuple[jax.Array, jax.Array]:
    """(data key, update key) of a step, the same for all runs."""
    key = jax.random.fold_in(jax.random.key(7), step)
    data_key, update_key = jax.random.split(key)
    return data_key, update_key

  def batch(self, step: int) -> dict[str, jax.Array]:
    """The batch of a step."""
    return self._sampled(step)

  def init(self, solo: bool):
    """States [R], all equal."""
    sharding = NamedSharding(self.mesh(solo), P('runs'))
    runs = len(self.rows(solo))
    repeat = lambda x: np.repeat(np.asarray(x)[None], runs, axis=0)
    return jax.device_put(jax.tree.map(repeat, self.first_state), sharding)

  @functools.cached_property
  def first_state(self):
    """One run's state before training."""
    return quick_jit(self.method.init)(
      jax.random.key(3),
      self.batch(0),
      {k: np.float32(v) for k, v in self.hparams.items()},
      **self.frozen,
    )

  @functools.cached_property
  def frozen(self):
    """What `init` takes besides: the state of the phase before."""
    if self.before is None:
      return {}
    return {'frozen': self.before.first_state}

  @functools.cached_property
  def _sampled(self):
    # Identities are counted when it is made: outside of what is traced.
    sample = samplers.make(self.data, self.contract.batch(self.config))

    def batch(step):
      index = np.arange(BATCH_SIZE)
      drawn = sample(self.keys(step)[0], self.data.arrays, index)
      return {**drawn, 'step': jnp.asarray(step, jnp.int32)}

    # Read inside other programs too, where compiler options are refused.
    return jax.jit(batch)

  def mesh(self, solo: bool) -> jax.sharding.Mesh:
    """('runs', 'data'): (1, 2) for the base alone, else (1, 1)."""
    shards = 2 if solo else 1
    devices = np.array(jax.devices()[:shards]).reshape(1, shards)
    return jax.sharding.Mesh(devices, ('runs', 'data'))

  def program(self, solo: bool):
    """`(state [R], step, hparams [R]) -> (state, scalars [R])`.

    All runs on mesh (1, 1), or the base alone with its batch split in two on
    mesh (1, 2).
    """

    if solo in self.programs:
      return self.programs[solo]

    def one(state, hparams, key, batch):
      self.traces += 1
      return self.method.update(key, state, batch, hparams)

    runs = P('runs')
    rows = {name: P('data') for name in self.batch(0)} | {'step': P()}
    step = quick_jit(
      jax.shard_map(
        jax.vmap(one, in_axes=(0, 0, None, None)),
        mesh=self.mesh(solo),
        in_specs=(runs, runs, P(), rows),
        out_specs=runs,
        check_vma=solo,  # as the engine: only where a batch is split
      )
    )

    def run(state, number, hparams):
      key = self.keys(number)[1]
      return step(state, hparams, key, self._sampled(number))

    self.programs[solo] = run
    return run


def _probes(described, hparams):
  """For each hyper-parameter its least, a larger and a far larger value."""
  found = []
  for name, base in hparams.items():
    least = described.bounds.get(name, (0.0, 0.0))[0]
    found += [(name, least), (name, base * 3), (name, base * 1000)]
  return found


@functools.cache
def _make(name, options, later=''):
  """`later`: the method whose phase it is; its data set is taken."""
  described = contract.read(METHODS[name], name)
  fields = {f.name for f in dataclasses.fields(described.config)}
  static = {k: v for k, v in SMALL.items() if k in fields}
  config = described.config(
    **{**static, **described.test.get('static', {}), **dict(options)}
  )
  tested = getattr(METHODS[later or name], 'TEST', {})
  data_name, data_options = tested.get('dataset', SPRITES)
  data = data_lib.load(data_name, **data_options)
  hparams = {k: BASE.get(k, v) for k, v in described.hparams.items()}
  phase, before = described.after(config), None
  if phase is not None:
    before = _make(phase.method, tuple(phase.static.items()), later or name)
  method = described.made(config, data, before and before.method)
  probes = _probes(described, hparams)
  return Harness(described, config, method, data, hparams, probes, before)


@pytest.fixture(scope='session')
def harness():
  """`(method name, **static options) -> Harness`, each built once."""
  return lambda name, **options: _make(name, tuple(options.items()))


STEPS = 6


@functools.cache
def _history(made, solo):
  """States before and after, and scalars, of the first STEPS steps."""
  rows = made.rows(solo)
  hparams, state = made.stacked(rows), made.init(solo)
  program, states, scalars = made.program(solo), [state], []
  for step in range(STEPS):
    state, found = program(state, step, hparams)
    states.append(state)
    scalars.append(jax.device_get(found))
  return states, scalars


@pytest.fixture(scope='session')
def history():
  """`(harness, solo) -> (states before and after each step, scalars)`."""
  return _history
