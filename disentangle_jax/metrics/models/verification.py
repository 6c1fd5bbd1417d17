"""Do pairs from a generator show one identity, and two where they should?

Donahue et al. 2018, https://arxiv.org/abs/1705.07904, section 4: images of one
z_I are to show one identity. A judge of identities is trained on real images: a
net with `embedding` outputs, scaled to length one, by triplet loss (squared
distances, margin 0.2; Schroff et al. 2015, https://arxiv.org/abs/1503.03832).
Two images are nearer in it if they show one identity; the threshold is the one
of best accuracy on real pairs of other identities. On equally many matched
pairs (one z_I, two z_O) and unmatched ones (two z_I) from the model:

  pair_verification_auc        area under the ROC curve of minus the distance,
                               ties one half; 0.5 where z_I says nothing
  pair_verification_accuracy   share of pairs told right by the threshold
  ..._real                     both on real pairs of the identities held out
  pair_verification_auc_seen   on real pairs of all identities that the model
                               could see: what a perfect model has
  pair_diversity               mean absolute difference of pixels inside
                               matched pairs, over that inside real matched
                               pairs of the identities that could be seen; 0
                               where z_O says nothing
  identity_diversity           the same of unmatched pairs

Which identities (combinations of the values of `identity`) are held out says
the data set: those without probability. A fifth of the others is kept from the
embedding for the threshold. Real pairs take a second image that differs from
the first; their other factors are those of plain draws.

An area above the real one is no success: a generator that ignores z_O has it.
Read it with pair_diversity. A real area above 0.99 or below 0.8 says that the
data are too easy, or too hard, to tell models apart.

Known failure modes: draws far off the data get any area, for the judge has
never seen their like: read it with sample_quality.

Source: Donahue et al. 2018, section 4 and table 1.

Deviations: the paper's embedding is FaceNet, trained on other photographs; its
diversity is 1 - MS-SSIM (journal version).
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import identity_draws, judges
from disentangle_jax.nn import nets
from disentangle_jax.ops import class_pairs, ranking

_AREA = 'area under the ROC curve of minus the distance of embeddings, '
_SHARE = 'share of pairs that a threshold on the distance tells right, '
SCORES = {
  'pair_verification_auc': types.Score(
    f'{_AREA}generated pairs of one identity against two', 'higher', 0.0, 1.0
  ),
  'pair_verification_accuracy': types.Score(
    f'{_SHARE}generated pairs', 'higher', 0.0, 1.0
  ),
  'pair_verification_auc_real': types.Score(
    f'{_AREA}real pairs of identities held out', 'none', 0.0, 1.0
  ),
  'pair_verification_accuracy_real': types.Score(
    f'{_SHARE}real pairs of identities held out', 'none', 0.0, 1.0
  ),
  'pair_verification_auc_seen': types.Score(
    f'{_AREA}real pairs of identities not held out', 'none', 0.0, 1.0
  ),
  'pair_diversity': types.Score(
    'mean difference of pixels inside generated pairs of one identity, over '
    'that inside real ones',
    'none',
    0.0,
  ),
  'identity_diversity': types.Score(
    'mean difference of pixels inside generated pairs of two identities, over '
    'that inside real ones',
    'none',
    0.0,
  ),
}
CITATION = 'Donahue et al. 2018, arXiv:1705.07904, section 4'
_FIELD = 'config.metric_options.verification.identity'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    identity: names of the factors that make an identity.
    num_pairs: pairs of each kind of real or generated ones, half of them
      matched.
    net: of the embedding, a key of `nets.NETS`.
    hidden: widths of its layers when it is an 'mlp'.
    embedding: length of the embedding.
    margin: of the triplet loss, in units of squared distance.
    identities: per step of its training, at least 2.
    per_identity: images of each, at least 2.
    steps: of its training.
    learning_rate: of Adam, falling to 0 along a half cosine.
  """

  identity: tuple[str, ...] = ()
  num_pairs: int = 2000
  net: str = 'mlp'
  hidden: tuple[int, ...] = (256,)
  embedding: int = 32
  margin: float = 0.2
  identities: int = 16
  per_identity: int = 4
  steps: int = 2000
  learning_rate: float = 1e-3


def best_threshold(distance: jax.Array, matched: jax.Array) -> jax.Array:
  """The threshold of best accuracy; pairs below it are called matched.

  Args:
    distance: float [N], >= 0.
    matched: bool [N].

  Returns:
    float scalar, halfway between two distances, the least of equally good ones;
    below all of them where calling nothing matched is best.
  """
  cuts = jnp.concatenate([jnp.full(1, -1.0), distance])
  right = jnp.mean((distance <= cuts[:, None]) == matched, axis=1)
  best = jnp.max(right)
  cut = jnp.min(jnp.where(right == best, cuts, jnp.inf))
  above = jnp.min(jnp.where(distance > cut, distance, jnp.inf))
  return jnp.where(jnp.isfinite(above), (cut + above) / 2, cut)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: a grid of factors, some identities of which have no probability.

  Returns:
    The probe; its context is the embedding's parameters, the threshold and the
    scores of real pairs.

  Raises:
    ConfigError: no identity, one without held-out values, a constant out of
      range.
  """
  base.at_least(
    config,
    num_pairs=4,
    steps=1,
    embedding=1,
    identities=2,
    per_identity=2,
  )
  part = identity_draws.parts_of(
    config.identity, data, config.identities, _FIELD
  )
  widths = {'encoder_hidden': config.hidden}
  legal = nets.options(config.net)
  options = {name: value for name, value in widths.items() if name in legal}
  net = nets.make_config(config.net, options)
  nets.check(net, data.observation_shape)
  network = nets.Encoder(net, (('embedding', config.embedding),))
  adam = judges.falling_adam(config.learning_rate, config.steps)
  half = config.num_pairs // 2
  matched = np.arange(2 * half) < half
  draw = identity_draws.Draw(data, part.columns)

  def embed(params, images):
    return class_pairs.unit_length(
      nets.apply(network, params, images)['embedding']
    )

  def loss(params, images):
    vector = embed(params, images).reshape(
      config.identities, config.per_identity, -1
    )
    there = np.ones(config.identities, bool)
    return class_pairs.triplet_loss(vector, there, config.margin)

  def learnt(key, arrays):
    start = jnp.zeros((1, *data.observation_shape))

    def images(key):
      key, own = jax.random.split(key)
      identity = jax.random.permutation(own, jnp.asarray(part.learn))
      identity = identity[: config.identities].repeat(config.per_identity)
      return draw.images(key, arrays, identity)

    return judges.learnt(key, network, start, loss, adam, images, config.steps)

  def distances(params, pairs):
    difference = embed(params, pairs.first) - embed(params, pairs.second)
    return jnp.sum(jnp.square(difference), axis=-1)

  def judged(params, threshold, pairs):
    distance = distances(params, pairs)
    finite = jnp.all(jnp.isfinite(distance))
    distance = jnp.where(finite, distance, 0.0)
    area = ranking.auc(-distance, jnp.asarray(matched))
    right = jnp.mean((distance <= threshold) == matched, dtype=jnp.float32)
    # What a diverged model draws is not a wrong identity.
    return jnp.where(finite, area, jnp.nan), jnp.where(finite, right, jnp.nan)

  def apart(pairs):
    """Mean absolute difference inside matched and unmatched pairs."""
    difference = jnp.abs(pairs.first - pairs.second)
    return jnp.mean(difference[:half]), jnp.mean(difference[half:])

  def fit(key, arrays):
    keys = jax.random.split(key, 4)
    params = learnt(keys[0], arrays)
    to_tune = draw.pairs(keys[1], arrays, part.tune, half)
    threshold = best_threshold(distances(params, to_tune), matched)
    area, right = judged(
      params, threshold, draw.pairs(keys[2], arrays, part.held_out, half)
    )
    as_seen = draw.pairs(keys[3], arrays, part.seen, half)
    inside, between = apart(as_seen)
    return {
      'params': params,
      'threshold': threshold,
      'area': area,
      'right': right,
      'area_seen': judged(params, threshold, as_seen)[0],
      'inside': inside,
      'between': between,
    }

  def score(key, context, method, state, arrays, batch):
    del arrays, batch
    index = jnp.arange(2 * half, dtype=jnp.int32)
    drawn = method.extras['sample_pair'](
      key, state, index, jnp.asarray(matched)
    )
    pairs = identity_draws.Pairs(*drawn)
    area, right = judged(context['params'], context['threshold'], pairs)
    inside, between = apart(pairs)
    return {
      'pair_verification_auc': area,
      'pair_verification_accuracy': right,
      'pair_verification_auc_real': context['area'],
      'pair_verification_accuracy_real': context['right'],
      'pair_verification_auc_seen': context['area_seen'],
      'pair_diversity': inside / context['inside'],
      'identity_diversity': between / context['between'],
    }

  return types.Probe(
    fit=fit,
    score=score,
    requires=('sample_pair',),
    constants=dataclasses.asdict(config),
    at_once=4,
  )
