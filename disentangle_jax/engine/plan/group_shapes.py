"""What a group's programs are traced with: batches and states, as shapes."""

from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.data import samplers
from disentangle_jax.engine.plan import study_plan
from disentangle_jax.methods import contract as contract_lib


def sampler(
  contract: contract_lib.Contract, config: Any, dataset: types.Dataset
):
  """Draws what a method asks of a batch.

  Args:
    contract: of the method.
    config: its static config.
    dataset: what to sample from.

  Returns:
    `(key, arrays, index int32 [B]) -> batch`; the engine adds 'step'.

  Raises:
    ConfigError: a request that the data set cannot give.
  """
  return samplers.make(dataset, contract.batch(config))


def example_batch(group: study_plan.Group) -> dict[str, jax.Array]:
  """A batch of zeros with the shapes that the method will see."""
  sample = sampler(group.contract, group.config, group.dataset)
  index = jnp.arange(group.batch_size)
  shapes = jax.eval_shape(
    sample, jax.random.key(0), group.dataset.arrays, index
  )
  zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
  return {**zeros, 'step': jnp.zeros((), jnp.int32)}


def state_shapes(group: study_plan.Group) -> Any:
  """Shapes of the state of one of a group's runs."""
  hparams = {k: jnp.float32(v) for k, v in group.contract.hparams.items()}
  frozen = () if group.before is None else (state_shapes(group.before),)
  return jax.eval_shape(
    group.method.init,
    jax.random.key(0),
    example_batch(group),
    hparams,
    *frozen,
  )


def stacked_shapes(group: study_plan.Group, size: int) -> Any:
  """Shapes of the states [size] of a group's runs in one program."""
  return jax.tree.map(
    lambda s: jax.ShapeDtypeStruct((size, *s.shape), s.dtype),
    state_shapes(group),
  )
