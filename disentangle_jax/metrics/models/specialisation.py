"""Which expert takes which mechanism, and whether it undoes it.

Source: Parascandolo et al. 2018, https://arxiv.org/abs/1712.00961, section 4,
figures 3 to 6. `num_points` images of the run's data set go through every
mechanism of the method, and all experts see the result. The expert whose output
its critic takes for data most wins the image.

  specialisation/<m>_<e>  share of the images under mechanism m (its number in
                          the method's list) that expert e wins, a table A
  one_to_one              1 if every mechanism has an expert that wins 0.9 of
                          its images, each another one; else 0
  covered                 number of different experts that do so
  judge_before            share of changed images that a classifier, trained on
                          clean images, names right; mean over mechanisms
  judge_after             the same of the winners' outputs
  judge_clean             the same of the images before any mechanism
  foreign                 the same of images of a second data set, named in
                          `foreign`: mechanism m's goes to the expert that won
                          most of it; by a classifier of that set
  foreign_before          of its changed images, foreign_clean of its clean ones

with '/<m>' for one mechanism where the score is a mean over them. All runs meet
the same images, noise and classifiers.

Deviation: images are drawn from the run's data set (its part for training, with
both halves), not from images kept aside. Known failure modes: `one_to_one` and
`covered` say who wins, not that the image is mended; a mechanism that a
classifier does not mind (a small shift) has little between `judge_before` and
`judge_clean`; `covered` of one expert is 1.
"""

import dataclasses
import json

import jax
import jax.numpy as jnp

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import image_classifier

_JUDGED = 'share of images named right: '
_FOREIGN = 'share of images of the second data set named right: '
SCORES = {
  'specialisation': types.Score(
    'share of a mechanism that an expert wins, a table', low=0.0, high=1.0
  ),
  'one_to_one': types.Score(
    'whether each mechanism has an expert of its own', 'higher', 0.0, 1.0
  ),
  'covered': types.Score(
    'number of experts that win a mechanism of their own', 'higher', 0.0
  ),
  'judge_before': types.Score(_JUDGED + 'changed', 'none', 0.0, 1.0),
  'judge_after': types.Score(
    _JUDGED + "the winners' outputs", 'higher', 0.0, 1.0
  ),
  'judge_clean': types.Score(_JUDGED + 'clean', 'none', 0.0, 1.0),
  'foreign': types.Score(_FOREIGN + "the experts' outputs", 'higher', 0.0, 1.0),
  'foreign_before': types.Score(_FOREIGN + 'changed', 'none', 0.0, 1.0),
  'foreign_clean': types.Score(_FOREIGN + 'clean', 'none', 0.0, 1.0),
}
CITATION = 'Parascandolo et al. 2018, arXiv:1712.00961, section 4'
# Share of a mechanism's images that makes an expert its own.
OWN = 0.9
_BLOCK = 200


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: images per mechanism.
    factor: number of the factor that the classifier names.
    foreign: name of a second data set with images of the same shape; '' for
      none.
    foreign_options: of it, as JSON: '{"path": "..."}'; its resolution is that
      of the run's images where it has one.
    foreign_factor: number of its factor.
    net: of the classifiers, a key of `nets.NETS`.
    hidden: widths of their layers when they are an 'mlp'.
    steps: of their training.
    batch_size: images per step.
    learning_rate: of Adam, falling to 0 along a half cosine.
  """

  num_points: int = 2000
  factor: int = 0
  foreign: str = ''
  foreign_options: str = '{}'
  foreign_factor: int = 0
  net: str = 'mlp'
  hidden: tuple[int, ...] = (256,)
  steps: int = 1000
  batch_size: int = 128
  learning_rate: float = 1e-3


def owners(shares: jax.Array) -> tuple[jax.Array, jax.Array]:
  """What a table of wins says of the whole.

  Args:
    shares: float [mechanisms, experts], rows sum to 1.

  Returns:
    one_to_one and covered, float32 scalars.
  """
  sure = jnp.max(shares, axis=1) >= OWN
  winner = jnp.argmax(shares, axis=1)
  hot = jax.nn.one_hot(winner, shares.shape[1]) * sure[:, None]
  covered = jnp.sum(jnp.max(hot, axis=0))
  return jnp.float32(covered == len(shares)), covered


def _foreign_data(config: Config, data: types.Dataset) -> types.Dataset | None:
  """The second data set, or None.

  Raises:
    ConfigError: no such set, options that are no JSON, or another shape.
  """
  if not config.foreign:
    return None
  where = 'config.metric_options.specialisation.'
  if config.foreign not in data_lib.DATASETS:
    field = f'{where}foreign'
    raise errors.choices(field, config.foreign, data_lib.DATASETS)
  try:
    options = dict(json.loads(config.foreign_options))
  except (ValueError, TypeError):
    rule = 'must be JSON, e.g. {"path": "files"}'
    field = f'{where}foreign_options'
    raise errors.value(field, config.foreign_options, rule) from None
  fields = dataclasses.fields(data_lib.DATASETS[config.foreign].Config)
  if any(field.name == 'resolution' for field in fields):
    options.setdefault('resolution', data.observation_shape[0])
  other = data_lib.load(config.foreign, **options)
  if other.observation_shape != data.observation_shape:
    rule = (
      f'has images of {other.observation_shape}, {data.name} of '
      f'{data.observation_shape}'
    )
    raise errors.value(f'{where}foreign', config.foreign, rule)
  return other


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; its context holds classifiers and foreign images.

  Args:
    config: constants.
    data: with a factor of at least two values.

  Returns:
    The probe.

  Raises:
    ConfigError: no such factor or second data set, or a constant out of range.
  """
  base.at_least(config, num_points=1, steps=1, batch_size=1)
  other = _foreign_data(config, data)

  def judge_of(of, factor):
    settings = image_classifier.settings_of(config)
    settings = dataclasses.replace(settings, factor=factor)
    where = 'config.metric_options.specialisation'
    return image_classifier.make(settings, of, where)

  judge = judge_of(data, config.factor)
  foreign_judge = other and judge_of(other, config.foreign_factor)
  index = jnp.arange(config.num_points, dtype=jnp.int32)

  def fit(key, arrays):
    fitted = {'judge': judge.fit(key, arrays)}
    if other is not None:
      keys = jax.random.split(jax.random.fold_in(key, 1))
      fitted['foreign_judge'] = foreign_judge.fit(keys[0], other.arrays)
      rows = other.sample(keys[1], other.arrays, index)
      fitted['foreign_images'] = rows['observation']
      fitted['foreign_labels'] = rows['factors'][:, config.foreign_factor]
    return fitted

  def score(key, context, method, state, arrays, batch):
    del batch
    data_key, change_key, foreign_key = jax.random.split(key, 3)
    rows = data.sample(data_key, arrays, index)
    images, labels = rows['observation'], rows['factors'][:, config.factor]
    changed = method.extras['mechanisms'](change_key, images)

    def one(image):
      made, logits = method.extras['experts'](state, image[None])
      winner = jnp.argmax(logits[:, 0])
      return made[winner, 0], jax.nn.one_hot(winner, len(made))

    shares, right = [], {'judge_before': [], 'judge_after': []}
    for seen in changed.values():
      best, took = jax.lax.map(one, seen, batch_size=_BLOCK)
      shares.append(jnp.mean(took, axis=0))
      for name, shown in (('judge_before', seen), ('judge_after', best)):
        right[name].append(judge.accuracy(context['judge'], shown, labels))
    table = jnp.stack(shares)
    one_to_one, covered = owners(table)
    scores = {
      'one_to_one': one_to_one,
      'covered': covered,
      'judge_clean': judge.accuracy(context['judge'], images, labels),
    }
    for number, row in enumerate(table):
      for expert, share in enumerate(row):
        scores[f'specialisation/{number}_{expert}'] = share
    if other is not None:
      right |= abroad(foreign_key, context, method, state, table)
      scores['foreign_clean'] = foreign_judge.accuracy(
        context['foreign_judge'],
        context['foreign_images'],
        context['foreign_labels'],
      )
    for name, values in right.items():
      scores[name] = jnp.mean(jnp.stack(values))
      for number, value in enumerate(values):
        scores[f'{name}/{number}'] = value
    return scores

  def abroad(key, context, method, state, table):
    """`foreign` and `foreign_before` by mechanism."""
    images = context['foreign_images']
    right = {'foreign_before': [], 'foreign': []}
    changed = method.extras['mechanisms'](key, images)
    for row, seen in zip(table, changed.values()):
      expert = jnp.argmax(row)

      def one(image, expert=expert):
        made, _ = method.extras['experts'](state, image[None])
        return made[expert, 0]

      mended = jax.lax.map(one, seen, batch_size=_BLOCK)
      for name, shown in (('foreign_before', seen), ('foreign', mended)):
        right[name].append(
          foreign_judge.accuracy(
            context['foreign_judge'], shown, context['foreign_labels']
          )
        )
    return right

  return types.Probe(
    fit=fit,
    score=score,
    requires=('experts', 'mechanisms'),
    constants=dataclasses.asdict(config),
    kinds=('image',),
    at_once=2,
  )
