"""How often a small change of an image makes a model reconstruct another class.

Source: Sootla 2018, "Investigating the robustness of disentangled variational
autoencoders to adversarial examples", tables 4.1 to 4.3 and 6.1 to 6.3, with
the two success rates of Kos, Fischer & Song 2017, arXiv:1702.06832. For every
ordered pair of classes (s, t), images of class s are changed, within a norm
budget and the box [0, 1], towards what the model makes of images of class t
(`attacks.latent` or `attacks.output`). A classifier trained on the data set
judges the reconstructions. Over the sources whose clean reconstruction is
classified s:

  attack_ignore/s_t = share whose attacked reconstruction is not classified s
  attack_target/s_t = share whose attacked reconstruction is classified t

`attack_target/s` is the mean over targets t of source s, `attack_target` the
mean over all pairs; the same for `attack_ignore`. Both in [0, 1], lower is more
robust, and target <= ignore in every cell.

Beside them: `attack_distance`, mean Euclidean norm of the changes over counted
pairs; `attack_clean`, share of sources whose clean reconstruction is classified
s (the others cannot be attacked); `attack_empty`, share of cells without any
source, whose rates are NaN and left out of the means;
`attack_classifier_accuracy`, the judge's on fresh draws.

Deviations: the thesis names neither its attack, its budget nor its classifier;
all are stated here as constants. Images are draws of the data set, the same for
all runs, one target image per source and pair; on a finite set the judge has
seen them.

Known failure modes: a model that reconstructs nothing well has few sources left
(`attack_clean`), and its rates then speak of the easiest images. A failed
attack proves nothing: the optimiser may have missed what exists, above all the
output attack where a discrete class has no gradient. Rates hold for one budget
alone.
"""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.metrics.models import attacks, image_classifier

SCORES = {
  'attack_target': types.Score(
    'share of attacks after which the reconstruction is classified as the '
    'target class; mean over ordered pairs of classes',
    'lower',
    0.0,
    1.0,
  ),
  'attack_ignore': types.Score(
    'share of attacks after which the reconstruction is no longer '
    'classified as the source class; mean over ordered pairs of classes',
    'lower',
    0.0,
    1.0,
  ),
  'attack_distance': types.Score(
    'Euclidean norm of the changes, mean over attacks', low=0.0
  ),
  'attack_clean': types.Score(
    'share of sources whose clean reconstruction is classified as their class',
    'higher',
    0.0,
    1.0,
  ),
  'attack_empty': types.Score(
    'share of ordered pairs of classes without a source left', 'lower', 0.0, 1.0
  ),
  'attack_classifier_accuracy': types.Score(
    'accuracy of the judge on the data set', low=0.0, high=1.0
  ),
}
CITATION = 'Sootla 2018, tables 4.1 to 4.3'
# Images that the accuracy of the judge is taken over.
_JUDGED = 1000


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    kind: 'latent' or 'output', which objective the attack lowers.
    norm: 'l2' or 'linf', of the budget.
    budget: largest norm of a change; intensities are in [0, 1].
    penalty: weight of the squared Euclidean norm in the objective; 0 leaves the
      budget alone to keep changes small.
    num_steps: gradients per attack.
    step_size: length of the first step, in budgets.
    sources: images per class that are attacked, and as many targets.
    factor: number of the factor that is the class.
    classifier_steps: of the judge's training.
    classifier_hidden: widths of its layers.
    block: pairs attacked at once, and
    at_once: runs attacked at once; both bound the memory.
  """

  kind: str = 'latent'
  norm: str = 'l2'
  budget: float = 2.0
  penalty: float = 0.0
  num_steps: int = 50
  step_size: float = 0.2
  sources: int = 20
  factor: int = 0
  classifier_steps: int = 1000
  classifier_hidden: tuple[int, ...] = (256,)
  block: int = 1024
  at_once: int = 4


def check(config: Config, data: types.Dataset) -> None:
  """Raises ConfigError for what could not be attacked."""
  named = lambda field: f'config.metric_options.attack.{field}'
  refuse = lambda field, rule: errors.value(
    named(field), getattr(config, field), rule
  )
  if config.kind not in attacks.OBJECTIVES:
    raise errors.choices(named('kind'), config.kind, attacks.OBJECTIVES)
  if config.norm not in attacks.optimise.NORMS:
    raise errors.choices(named('norm'), config.norm, attacks.optimise.NORMS)
  for field in ('budget', 'step_size'):
    if not 0.0 < getattr(config, field) < math.inf:
      raise refuse(field, 'must be finite and > 0')
  if not 0.0 <= config.penalty < math.inf:
    raise refuse('penalty', 'must be finite and >= 0')
  for field in ('num_steps', 'sources', 'classifier_steps', 'block', 'at_once'):
    if getattr(config, field) < 1:
      raise refuse(field, 'must be at least 1')
  hidden = config.classifier_hidden
  if not all(type(width) is int and width >= 1 for width in hidden):
    raise refuse('classifier_hidden', 'must be widths of at least 1')
  judge_of(config, data)
  counts = images_per_class(data, config.factor)
  scarce = int(np.argmin(counts))
  if counts[scarce] < config.sources:
    rule = f'class {scarce} of {data.name} has {counts[scarce]} images'
    raise refuse('sources', rule)


def judge_of(config: Config, data: types.Dataset) -> image_classifier.Judge:
  """The classifier that names reconstructions."""
  settings = image_classifier.Config(
    factor=config.factor,
    hidden=config.classifier_hidden,
    steps=config.classifier_steps,
  )
  return image_classifier.make(settings, data, 'config.metric_options.attack')


def images_per_class(data: types.Dataset, factor: int) -> np.ndarray:
  """How many different images every class has.

  Args:
    data: a grid of factors, or a stream with labels.
    factor: number of the factor that is the class.

  Returns:
    int64 [K].
  """
  classes = data.factor_sizes[factor]
  if data.render is None:
    labels = np.asarray(data.arrays['factors'])[:, factor]
    return np.bincount(labels, minlength=classes)
  return np.full(classes, math.prod(data.factor_sizes) // classes)


def _pool_size(config: Config, data: types.Dataset) -> int:
  """Draws that hold 2 x sources images of the rarest class, near certainly."""
  judge_of(config, data)
  counts = images_per_class(data, config.factor)
  share = counts.min() / counts.sum()
  # Mean + 6 deviations of a binomial count, solved for the number of draws.
  least = 2 * config.sources
  root = 3.0 + math.sqrt(9.0 + least)
  return math.ceil(root**2 / share)


def select(
  labels: jax.Array, classes: int, count: int
) -> tuple[jax.Array, jax.Array]:
  """The first rows of every class.

  Args:
    labels: int [N].
    classes: K.
    count: rows wanted per class, at most N.

  Returns:
    int32 [K, count] row numbers, and bool [K, count], false where a class has
    too few.
  """
  mine = labels[None, :] == jnp.arange(classes)[:, None]
  order = jnp.argsort(~mine, axis=1, stable=True)[:, :count]
  return order, jnp.arange(count) < jnp.sum(mine, axis=1, keepdims=True)


def rates(
  hits: jax.Array, counted: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Success rates of all pairs and their means.

  Args:
    hits: bool [P, n], per ordered pair and source.
    counted: bool [P, n], pairs in the order of `pairs_of`, K (K - 1) of them.

  Returns:
    float32 [P], NaN where nothing is counted; [K], the mean over the targets of
    each source; the mean over all pairs.
  """
  number = jnp.sum(counted, axis=-1)
  cells = jnp.sum(hits & counted, axis=-1) / number
  classes = round((1 + math.sqrt(1 + 4 * len(hits))) / 2)
  return (
    cells,
    jnp.nanmean(cells.reshape(classes, classes - 1), axis=1),
    jnp.nanmean(cells),
  )


def pairs_of(classes: int) -> np.ndarray:
  """All ordered pairs of different classes, int [K (K - 1), 2], by source."""
  return np.array(list(itertools.permutations(range(classes), 2)))


def attack(config, method, state, observation, target) -> jax.Array:
  """Changes of images towards targets.

  Args:
    config: the constants.
    method: offers `represent`, and `decode` for the output attack.
    state: of one model.
    observation: float32 [B, ...] in [0, 1].
    target: float32 [B, ...], where each is to go.

  Returns:
    float32 [B, ...].
  """
  objective = attacks.OBJECTIVES[config.kind](method, state, target)
  return attacks.optimise.minimise(
    objective,
    observation,
    norm=config.norm,
    budget=config.budget,
    num_steps=config.num_steps,
    step_size=config.step_size,
    penalty=config.penalty,
  )


def reconstruct(method, state, observation) -> jax.Array:
  """What a model makes of images: a hard class, where it has one."""
  return method.decode(state, method.represent(state, observation).vector)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: gives images, their classes and the judge's training set.

  Returns:
    The probe; its context holds the judge and the images.

  Raises:
    ConfigError: a constant out of range, no labels, or too few images.
  """
  check(config, data)
  classes = data.factor_sizes[config.factor]
  judge = judge_of(config, data)
  pairs = pairs_of(classes)
  pool_size = _pool_size(config, data)
  # Ordered pair and number of the source, one row per attack.
  rows = np.array(list(np.ndindex(len(pairs), config.sources)))
  block = min(config.block, len(rows))
  blocks = -(-len(rows) // block)
  padded = np.resize(rows, (blocks * block, 2)).reshape(blocks, block, 2)

  def fit(key, arrays):
    judge_key, pool_key, test_key = jax.random.split(key, 3)
    params = judge.fit(judge_key, arrays)
    test = data.sample(test_key, arrays, jnp.arange(_JUDGED))
    labels = test['factors'][:, config.factor]
    accuracy = judge.accuracy(params, test['observation'], labels)
    index = jnp.arange(pool_size, dtype=jnp.int32)
    pool = data.sample(pool_key, arrays, index)
    labels = pool['factors'][:, config.factor]
    rows, is_there = select(labels, classes, 2 * config.sources)
    images = pool['observation'][rows]
    return {
      'judge': params,
      'accuracy': accuracy,
      'sources': images[:, : config.sources],
      'targets': images[:, config.sources :],
      'has_source': is_there[:, : config.sources],
      'has_target': is_there[:, config.sources :],
    }

  def score(key, context, method, state, arrays, batch):
    del key, arrays, batch
    sources = context['sources']
    judged = lambda x: judge.predict(
      context['judge'], reconstruct(method, state, x)
    )

    def one_block(rows):
      pair, number = jnp.asarray(pairs)[rows[:, 0]], rows[:, 1]
      observation = sources[pair[:, 0], number]
      target = context['targets'][pair[:, 1], number]
      delta = attack(config, method, state, observation, target)
      return judged(observation + delta), attacks.optimise.size(delta, 'l2')

    label, length = jax.lax.map(one_block, jnp.asarray(padded))
    flat = lambda x: x.reshape(-1)[: len(rows)].reshape(len(pairs), -1)
    label, length = flat(label), flat(length)

    own = jnp.arange(classes)[:, None]
    clean = jax.lax.map(judged, sources) == own
    source, target = pairs.T
    right = context['has_source'] & clean
    counted = right[source] & context['has_target'][target]
    scores = {
      'attack_distance': jnp.sum(jnp.where(counted, length, 0.0))
      / jnp.sum(counted),
      'attack_clean': jnp.sum(right) / jnp.sum(context['has_source']),
      'attack_empty': jnp.mean(~jnp.any(counted, axis=1)),
      'attack_classifier_accuracy': context['accuracy'],
    }
    for name, hits in (
      ('attack_target', label == target[:, None]),
      ('attack_ignore', label != source[:, None]),
    ):
      cells, marginals, scores[name] = rates(hits, counted)
      for s in range(classes):
        scores[f'{name}/{s}'] = marginals[s]
      for (s, t), cell in zip(pairs, cells):
        scores[f'{name}/{s}_{t}'] = cell
    return {k: jnp.asarray(v, jnp.float32) for k, v in scores.items()}

  return types.Probe(
    fit=fit,
    score=score,
    requires=('represent', 'decode'),
    needs=(),
    constants=dataclasses.asdict(config),
    at_once=config.at_once,
  )
