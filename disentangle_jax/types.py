"""The contracts between the packages, as NamedTuples; no logic lives here.

Axis letters used in every docstring: R runs, B batch, T time, S slots,
L tokens, D codes (latent dimensions), K factors, H W C image height, width and
channels. Information quantities are in nats, summed over dimensions and
averaged over examples; losses are minimised.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

Array = jax.Array
PyTree = Any


class Codes(NamedTuple):
  """What an encoder says about observations.

  Attributes:
    vector: float32 [..., D], the representation that metrics score.
    parts: named arrays with the same leading axes. Every VAE gives 'mean' and
      'logvar' (float32 [..., D]); discrete latents give 'class_logits'.
  """

  vector: Array
  parts: Mapping[str, Array]


class Method(NamedTuple):
  """One published system: pure functions, safe under jit, vmap and shard_map.

  Attributes:
    init: `(key, batch, hparams) -> state`; the batch serves for its shapes.
    update: `(key, state, batch, hparams) -> (state, scalars)`: one published
      training step; `scalars` is a flat dict of float32 scalars with 'loss'.
    represent: `(state, observation [B, ...]) -> Codes`, or None when there is
      no encoder (metrics are then refused at plan time).
    decode: `(state, vector [B, D]) -> observation [B, ...]`, the mean of
      p(x|z), or None.
    extras: optional abilities by name. 'log_likelihood':
      `(state, vector [B, D], observation) -> float32 [B]` in nats.
      'resample_global', 'resample_local': `(key, state, vector [B, D]) ->
      vector [B, D]`, that group of latents drawn anew from its prior.
  """

  init: Callable[..., PyTree]
  update: Callable[..., tuple[PyTree, Mapping[str, Array]]]
  represent: Callable[..., Codes] | None
  decode: Callable[..., Array] | None
  extras: Mapping[str, Callable[..., Any]] = {}


class Metric(NamedTuple):
  """A score of codes against factors; sees neither pixels nor models.

  Attributes:
    sample_factors: `(key) -> int32 [..., K]`, the design of the score: grid
      indices, drawn iid, with one factor fixed per row, in pairs, ...
    score: `(key, codes, factors) -> {name: float32 scalar}`; `codes` has the
      leading axes of `factors`. Fixed shapes, safe under jit and vmap.
    needs: names of the parts of Codes that it reads beyond the vector.
    over: 'run' (vmapped over runs by the engine) or 'seeds' (codes
      [S, ..., D] of runs that differ in the seed alone).
    constants: what the numbers depend on; stored beside every score.
    per_representation: whether the score differs between the mean and the
      sampled representation.
  """

  sample_factors: Callable[[Array], Array]
  score: Callable[[Array, Codes, Array], Mapping[str, Array]]
  needs: tuple[str, ...]
  over: str
  constants: Mapping[str, Any]
  per_representation: bool = True


class Diagnostic(NamedTuple):
  """A score of observations: reconstruction, terms of the bound.

  Attributes:
    score: `(key, method, state, batch) -> {name: float32 scalar}`, a mean over
      the examples of the batch: 'observation', 'factors' and 'codes'.
    requires: what the method must offer: 'represent', 'decode' or the name of
      an extra.
    needs: names of the parts of Codes that it reads.
    num_points: how many iid observations the mean is taken over.
    constants: stored beside every score.
    per_representation: whether the score differs between the mean and the
      sampled representation; `batch['codes'].vector` is the one scored.
  """

  score: Callable[..., Mapping[str, Array]]
  requires: tuple[str, ...]
  needs: tuple[str, ...]
  num_points: int
  constants: Mapping[str, Any]
  per_representation: bool = True


class Probe(NamedTuple):
  """A score that first fits something to the data, once for all runs.

  A classifier of images that judges what models decode, for one. Its module
  says `NEEDS_DATA = True`, and `make` then takes the data set in place of the
  factor sizes.

  Attributes:
    fit: `(key, arrays) -> context`, a pytree of arrays; `arrays` are the data
      set's. Compiled and run once per data set and metric seed.
    score: `(key, context, method, state, arrays) -> {name: float32 scalar}`.
      The key is the same for all runs: they meet equal draws. Fixed shapes,
      safe under jit, vmap and `lax.map`. A table has one name per cell,
      'score/<cell>', without a further '/'.
    requires: what the method must offer, as for a Diagnostic.
    needs: names of the parts of Codes that it reads.
    constants: stored beside every score.
    at_once: runs of a device that are scored in one vmap; 0 for all of them.
  """

  fit: Callable[[Array, PyTree], PyTree]
  score: Callable[..., Mapping[str, Array]]
  requires: tuple[str, ...]
  needs: tuple[str, ...]
  constants: Mapping[str, Any]
  at_once: int = 0


class Dataset(NamedTuple):
  """Observations with, where they exist, the factors that made them.

  Attributes:
    name: the key in `disentangle_jax.data.DATASETS`.
    factor_names: K names.
    factor_sizes: K numbers of grid values.
    factor_values: K float arrays, grid index -> real value.
    observation_shape: (H, W, C) or the set's own.
    arrays: pytree that the functions below read; () if procedural. Always an
      argument of jitted code, never closed over.
    render: `(arrays, factors int32 [K], key) -> float32 [0, 1]` observation,
      unbatched, channels last; None for a stream.
    sample: `(key, arrays, index int32 [B]) -> batch`, a dict with
      'observation' [B, ...], 'factors' int32 [B, K] and 'index' [B]. Row b
      depends on (key, index[b]) alone, so that it is the same on every mesh.
    log_density: `(factors int32 [..., K]) -> float32 [...]`, the log
      probability of a grid point under `sample`, nats.
    deterministic: whether `render` ignores its key (no nuisance noise).
  """

  name: str
  factor_names: tuple[str, ...]
  factor_sizes: tuple[int, ...]
  factor_values: tuple[Any, ...]
  observation_shape: tuple[int, ...]
  arrays: PyTree
  render: Callable[..., Array] | None
  sample: Callable[..., Mapping[str, Array]]
  log_density: Callable[[Array], Array]
  deterministic: bool
