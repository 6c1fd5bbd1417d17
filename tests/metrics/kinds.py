"""Codes of known quality, made from factors; small configs of all metrics."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import metrics, types
from disentangle_jax.metrics import arrays, catalogue, designs

SIZES = (3, 4, 5)
NUM_CODES = 5
ROTATION = np.linalg.qr(np.random.default_rng(7).normal(size=(3, 3)))[0]
KINDS = (
  'perfect',
  'rescaled',
  'discrete',
  'duplicated',
  'rotated',
  'partial',
  'noisy',
  'permuted',
  'flipped',
  'noise',
  'constant',
  'broken',
)
SMALL = {
  'num_train': 600,
  'num_test': 300,
  'num_variance': 1000,
  'batch_size': 16,
  'num_samples': 300,
  'num_rounds': 20,
  'max_depth': 4,
  'num_contexts': 40,
  'num_alphas': 20,
  'num_penalties': 3,
}
SMALL_OF = {
  'dci_forest': {'num_bins': 64},
  'beta_vae_score': {'num_train': 500, 'num_test': 200},
  'udr': {'num_train': 300},
  'factorized_support': {'batch_size': 60},
}
# Compiling these takes long; they are scored in the slow suite.
HEAVY = (
  'dci_forest',
  'infomec',
  'fairness',
  'downstream_gbt',
  'downstream_logistic',
)


def codes_of(factors: np.ndarray, kind: str) -> np.ndarray:
  """Codes float32 [..., 5] for factors int [..., 3]."""
  factors = np.asarray(factors)
  sizes = np.array(SIZES)
  unit = (factors - (sizes - 1) / 2) / np.sqrt((sizes**2 - 1) / 12)
  rng = np.random.default_rng(3)
  noise = rng.normal(size=(*factors.shape[:-1], NUM_CODES))
  dead = np.zeros((*factors.shape[:-1], 2))
  perfect = np.concatenate([unit, dead], axis=-1)
  noisy = perfect + 0.1 * noise * [1, 1, 1, 0, 0]
  codes = {
    'perfect': perfect,
    'rescaled': perfect * [2, 0.5, -3, 1, 1] + [1, 0, -2, 0, 0],
    'discrete': np.concatenate([factors, dead], axis=-1),
    'duplicated': np.concatenate([unit, unit[..., :2]], axis=-1),
    'rotated': np.concatenate([unit @ ROTATION, dead], axis=-1),
    'partial': perfect * [1, 1, 0, 0, 0],
    'noisy': noisy,
    'permuted': noisy[..., [3, 2, 0, 4, 1]],
    'flipped': noisy * [-1, 1, -1, 1, 1],
    'noise': noise,
    'constant': 0 * noise + 0.05,
    'broken': np.where(np.arange(5) == 1, np.nan, noise),
  }
  return codes[kind].astype(np.float32)


def parts_of(codes: np.ndarray, factors: np.ndarray) -> dict[str, np.ndarray]:
  """Posteriors: narrow where a code varies, the prior where it does not."""
  flat = codes.reshape(-1, codes.shape[-1])
  varies = np.std(flat, axis=0) > 1e-6
  logvar = np.where(varies, np.log(0.01), 0.0) + 0 * np.nan_to_num(codes)
  clusters = np.eye(7)[2 * np.asarray(factors)[..., 0]]
  return {
    'mean': codes,
    'logvar': logvar.astype(np.float32),
    'class_logits': clusters.astype(np.float32),
  }


def small_config(name: str):
  """The module's Config with few points."""
  module = metrics.METRICS[name]
  config = module.Config()
  fields = {field.name for field in dataclasses.fields(config)}
  change = {**SMALL, **SMALL_OF.get(name, {})}
  change = {key: value for key, value in change.items() if key in fields}
  return dataclasses.replace(config, **change)


def names(heavy: bool) -> list[str]:
  """Names of the metrics of codes that score one run."""
  found = []
  for name, module in metrics.METRICS.items():
    of_one_run = catalogue.of_codes(module) and name != 'udr'
    if of_one_run and (name in HEAVY) == heavy:
      found.append(name)
  return found


@functools.cache
def metric(name: str) -> types.Metric:
  return metrics.METRICS[name].make(small_config(name), arrays.dataset(SIZES))


@functools.cache
def arrangement(name: str) -> np.ndarray | types.Intervention:
  """What the metric's design draws from the grid."""
  sample = jax.jit(metric(name).design.sample)
  return jax.tree.map(np.asarray, sample(jax.random.key(5)))


def design(name: str) -> np.ndarray:
  """Its points."""
  return designs.points_of(arrangement(name))


@functools.cache
def scores(name: str) -> dict[str, dict[str, float]]:
  """All scores of a metric for all kinds: one program, vmapped over kinds."""
  factors = design(name)
  runs = []
  for kind in KINDS:
    codes = codes_of(factors, kind)
    parts = parts_of(codes, factors)
    needed = {part: parts[part] for part in metric(name).needs}
    runs.append(types.Codes(codes, needed))
  runs = jax.tree.map(lambda *leaves: jnp.stack(leaves), *runs)
  program = jax.jit(jax.vmap(metric(name).score, (None, 0, None)))
  found = program(jax.random.key(6), runs, arrangement(name))
  return {
    key: dict(zip(KINDS, np.asarray(values).tolist()))
    for key, values in found.items()
  }


def score_alone(name: str, kind: str) -> dict[str, float]:
  """The scores of one kind by the program for one run."""
  factors = design(name)
  codes = codes_of(factors, kind)
  parts = parts_of(codes, factors)
  needed = {part: parts[part] for part in metric(name).needs}
  codes = types.Codes(codes, needed)
  found = jax.jit(metric(name).score)(
    jax.random.key(6), codes, arrangement(name)
  )
  return {key: float(value) for key, value in found.items()}
