"""What scoring costs: known codes through the engine's own scoring programs.

A study of made-up models: a run's codes are a smooth mixture of the factors and
some noise, so that no metric meets a trivial case. Data set, grid, number of
points and blocks are those of a real sweep on dSprites (factor sizes 3, 6, 40,
32, 32; 10 codes).
"""

import json
import time

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import metrics, types
from disentangle_jax.data import factorial
from disentangle_jax.engine.plan import declare, parse, registry, study_plan
from disentangle_jax.engine.programs import devices, scoring
from disentangle_jax.metrics import catalogue

SIZES = (3, 6, 40, 32, 32)
NUM_CODES = 10
_WIDTH = 40


def dataset() -> types.Dataset:
  """Observations are the factors themselves, scaled to [0, 1]."""
  top = np.maximum(np.array(SIZES, np.float32) - 1, 1)
  return factorial.make(
    name='factors',
    factor_names=('shape', 'scale', 'orientation', 'position_x', 'position_y'),
    factor_values=[np.arange(size) for size in SIZES],
    observation_shape=(len(SIZES),),
    kind='vector',
    arrays=(),
    render=lambda arrays, factors, key: factors / top,
    deterministic=True,
  )


def represent(state, observation: jax.Array) -> types.Codes:
  """A two-layer mixture of the factors, and a posterior of width e^-2."""
  first, second = state
  mean = jnp.tanh(3.4 * (observation - 0.5) @ first) @ second
  logvar = jnp.full_like(mean, -4.0)
  return types.Codes(mean, {'mean': mean, 'logvar': logvar})


def states(runs: int) -> tuple[jax.Array, jax.Array]:
  """One random mixture per run."""
  random = np.random.default_rng(0)
  first = random.normal(size=(runs, len(SIZES), _WIDTH))
  second = random.normal(size=(runs, _WIDTH, NUM_CODES)) / 6
  return jnp.asarray(first, jnp.float32), jnp.asarray(second, jnp.float32)


class Scoring:
  """The scoring of a number of runs by some metrics.

  Args:
    names: metrics, as in `config.metrics`; probes are left out, for they need
      a trained model, and metrics over seeds.
    at_once: runs per program.
  """

  def __init__(self, names, at_once: int):
    config = declare.base_config()
    data = dataset()
    wanted = metrics.resolve(names)
    wanted = {
      name: keys
      for name, keys in wanted.items()
      if catalogue.of_codes(metrics.METRICS[name])
      and name not in ('udr', 'elbo', 'clustering_accuracy')
    }
    self.names = tuple(wanted)
    self._mesh = devices.mesh()
    over = self._mesh.shape[devices.RUNS]
    self.at_once = devices.padded(at_once, over)
    config.metrics = names
    study = study_plan.Plan(
      parse.study(config, registry.of()), (), (), registry.of()
    )
    self._evaluator = scoring.Evaluator(study, self._mesh)
    self._group = study_plan.Group(
      method_name='made up',
      method=types.Method(None, None, represent, None),
      contract=None,
      config=None,
      dataset=data,
      batch_size=64,
      steps=1,
      runs=(),
      metrics=self.names,
    )

  def seconds(self, runs: int) -> float:
    """Wall time of scoring so many runs, a chunk after the other."""
    first, second = states(runs)
    began = time.perf_counter()
    for i in range(0, runs, self.at_once):
      places = np.minimum(np.arange(i, i + self.at_once), runs - 1)
      self._evaluator.scores(self._group, (first[places], second[places]))
    return time.perf_counter() - began


def measure(names, runs: int, at_once: int, each: bool = True) -> list[dict]:
  """All metrics together, then every one alone.

  Args:
    names: of metrics.
    runs: to score.
    at_once: most runs per program.
    each: whether to time every one alone as well.

  Returns:
    Dicts with 'metric', 'first_s' (one chunk, compiling included) and
    'seconds' (all runs, compiled).
  """
  # Spread evenly, as the engine does: no chunk is mostly padding.
  at_once = -(-runs // -(-runs // at_once))
  together = Scoring(names, at_once)
  rows = []
  for part in (together.names, *([name] for name in together.names)):
    scoring = together if part is together.names else Scoring(part, at_once)
    first = scoring.seconds(scoring.at_once)
    label = 'all together' if part is together.names else part[0]
    seconds = scoring.seconds(runs)
    rows.append({'metric': label, 'first_s': first, 'seconds': seconds})
    print(json.dumps(rows[-1]), flush=True)
    if len(together.names) == 1 or not each:
      break
  return rows


def dci_against_scikit_learn(points: int = 10_000) -> dict[str, float]:
  """Boosted-tree DCI of one run: ours and scikit-learn's on the same arrays.

  Args:
    points: for training; 5,000 more for testing.

  Returns:
    Seconds and scores of both.
  """
  from sklearn import ensemble

  random = np.random.default_rng(1)
  factors = np.stack(
    [random.integers(0, size, points + 5000) for size in SIZES], axis=1
  )
  scaled = factors / (np.array(SIZES) - 1)
  first, second = states(1)
  codes = np.asarray(represent((first[0], second[0]), scaled).vector)
  train, test = slice(points), slice(points, None)

  def ours():
    return metrics.evaluate(
      codes[train],
      factors[train],
      'dci_gbt',
      test_codes=codes[test],
      test_factors=factors[test],
    )

  ours()  # compiles
  clock = _Clock()
  found = ours()
  result = {f'ours_{name}': x for name, x in clock.read().items()}
  print(json.dumps({**result, **found}), flush=True)
  importances, accuracy = [], []
  clock = _Clock()
  for k in range(len(SIZES)):
    model = ensemble.GradientBoostingClassifier()
    model.fit(codes[train], factors[train, k])
    importances.append(model.feature_importances_)
    accuracy.append(model.score(codes[test], factors[test, k]))
  theirs = clock.read()
  result |= {f'scikit_learn_{name}': x for name, x in theirs.items()}
  return {
    **result,
    'times_wall': theirs['wall_s'] / result['ours_wall_s'],
    'times_cpu': theirs['cpu_s'] / result['ours_cpu_s'],
    'ours_disentanglement': found['dci_disentanglement_gbt'],
    'scikit_learn_disentanglement': _disentanglement(np.stack(importances, 1)),
    'ours_informativeness': found['dci_informativeness_gbt'],
    'scikit_learn_informativeness': float(np.mean(accuracy)),
  }


class _Clock:
  """Wall and CPU seconds since it was made; a busy host inflates the first."""

  def __init__(self):
    self._wall, self._cpu = time.perf_counter(), time.process_time()

  def read(self) -> dict[str, float]:
    return {
      'wall_s': time.perf_counter() - self._wall,
      'cpu_s': time.process_time() - self._cpu,
    }


def _disentanglement(matrix: np.ndarray) -> float:
  """1 - entropy over factors of each code, weighted by importance."""
  share = matrix + 1e-11
  share = share / share.sum(axis=1, keepdims=True)
  entropy = -np.sum(share * np.log(share), axis=1) / np.log(matrix.shape[1])
  weight = matrix.sum(axis=1) / matrix.sum()
  return float(np.sum((1 - entropy) * weight))
