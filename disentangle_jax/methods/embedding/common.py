"""What methods that embed classes of images share.

Ridgeway & Mozer 2018, "Learning deep disentangled embeddings with the
F-statistic loss", NeurIPS, https://arxiv.org/abs/1802.05312. An encoder maps an
image to a vector; the loss sees vectors by class and there is no decoder. Which
classes a step holds is `Config.classes`:

  'identity'   `identities` distinct identities, `per_identity` images each;
  'attribute'  independent images, seen once per attribute: its values are the
               classes, with the first `per_identity` images of each value.

Every class of a step has equally many images. A value with too few images in a
batch sits out; the loss is the mean over the attributes with two classes left.

Deviations: one batch serves all attributes in a step, where the published code
draws one attribute per step: the same expected gradient from more of the images
that were encoded. The number of steps is fixed, no early stopping. The nets are
those of this package (no batch normalisation).

Losses that are free of scale let the embedding drift: weight decay or nothing
holds it, and distances are to be compared after standardising.
"""

from collections.abc import Callable, Mapping
import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, class_pairs

CLASSES = ('identity', 'attribute')
HPARAMS = {'learning_rate': 2e-4, 'weight_decay': 0.0}
# Four identities of two images each, on the sprites that all methods are tested
# on.
TEST = {
  'static': {
    'identity': ('position_x', 'position_y'),
    'identities': 4,
    'per_identity': 2,
    'embedding': 4,
  },
}


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    net: which network; only its encoder is used.
    embedding: E, length of the embedding.
    classes: a name in CLASSES.
    identity: names of the factors that make an identity; the attributes.
    identities: of 'identity': how many per step, at least 2.
    per_identity: images of a class, n, at least 2. With 'identity' the batch
      is identities x per_identity; with 'attribute' it should hold several
      times as many images as an attribute has values times n.
  """

  net: nets.NetConfig = nets.conv.Config()
  embedding: int = 22
  classes: str = 'identity'
  identity: tuple[str, ...] = (
    'body',
    'arms',
    'hair',
    'gender',
    'armour',
    'greaves',
    'weapon',
  )
  identities: int = 12
  per_identity: int = 5


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Identity groups, or plain observations with their factors."""
  if config.classes != 'identity':
    return (requests.Observation(),)
  group = requests.IdentityGroup(
    identity=tuple(config.identity),
    identities=config.identities,
    per_identity=config.per_identity,
  )
  return (requests.Observation(), group)


def pick_classes(
  labels: jax.Array, num_classes: int, count: int
) -> tuple[jax.Array, jax.Array]:
  """The first rows of every class.

  Args:
    labels: int32 [B].
    num_classes: C.
    count: n, at most B.

  Returns:
    int32 [C, n], numbers of rows; bool [C], whether the class has n of them
    (the rows of the others are arbitrary).
  """
  number = jnp.arange(len(labels))
  member = labels == jnp.arange(num_classes)[:, None]
  order = jnp.argsort(jnp.where(member, number, number + len(labels)), axis=1)
  return order[:, :count], jnp.sum(member, axis=1) >= count


class _Embedder(nn.Module):
  """Observation -> float [B, E], a linear layer on top of a net's encoder.

  It has no bias: losses on differences do not see one, and Adam would make full
  steps out of the rounding of its gradient.
  """

  config: nets.NetConfig
  width: int

  @nn.compact
  def __call__(self, x):
    features = nets.NETS[self.config.name].encode(self.config, x)
    return nn.Dense(self.width, use_bias=False)(features)


def _check(config: Config, data: types.Dataset) -> None:
  field = 'config.static.'
  checks.choice(f'{field}classes', config.classes, CLASSES)
  checks.integer(f'{field}embedding', config.embedding, 1)
  checks.integer(f'{field}per_identity', config.per_identity, 2)
  if config.classes == 'identity':
    checks.integer(f'{field}identities', config.identities, 2)
  for name in config.identity:
    if name not in data.factor_names:
      raise errors.choices(f'{field}identity', name, data.factor_names)
  if not config.identity:
    rule = f'must name factors, of {", ".join(data.factor_names) or "none"}'
    raise errors.value(f'{field}identity', config.identity, rule)
  nets.check(config.net, data.observation_shape)


# (vectors [C, n, E], present bool [C], hparams) -> scalars with 'loss'
Objective = Callable[..., Mapping[str, jax.Array]]


def make(
  config: Config, data: types.Dataset, objective: Objective, unit: bool = False
) -> types.Method:
  """A method with one loss on the classes of a step.

  Args:
    config: static choices.
    data: the data set, for its shape and the names and sizes of its factors.
    objective: `(vectors float [C, n, E], valid bool [C], hparams) -> scalars`,
      among them 'loss', for one set of classes; classes that are not valid must
      not count.
    unit: whether embeddings have length one.

  Returns:
    The method. It reports what the objective gives and 'embedding_deviation',
    the root mean square of the embedding's entries about their means.

  Raises:
    ConfigError: an option out of range, names that are no factors, a net that
      does not fit; when traced, a batch of fewer than 2 x per_identity images.
  """
  _check(config, data)
  encoder = _Embedder(config.net, config.embedding)
  columns = [data.factor_names.index(name) for name in config.identity]
  values = [data.factor_sizes[k] for k in columns]
  count = config.per_identity

  def embed(params, observation):
    vector = nets.apply(encoder, params['encoder'], observation)
    return class_pairs.unit_length(vector) if unit else vector

  def classes_of(params, batch):
    """Vectors [A, C, n, E] of A sets of classes, and which are there [A, C]."""
    if config.classes == 'identity':
      vector = axis.gather(embed(params, batch['identity_group']))
      shape = (1, config.identities, count, config.embedding)
      return vector.reshape(shape), np.ones(shape[:2], bool)
    vector = axis.gather(embed(params, batch['observation']))
    if len(vector) < 2 * count:
      rule = f'must be at least {2 * count}, two classes of {count} images'
      raise errors.value('config.batch_size', len(vector), rule)
    factors = axis.gather(batch['factors'])
    most = max(values)
    rows, there = jax.vmap(lambda label: pick_classes(label, most, count))(
      factors[:, np.array(columns)].T
    )
    return vector[rows], there

  def loss_fn(params, key, state, batch, hparams):
    del key, state
    vector, valid = classes_of(params, batch)
    scalars = jax.vmap(lambda v, there: objective(v, there, hparams))(
      vector, valid
    )
    # With fewer than two classes there is nothing to tell apart.
    usable = jnp.sum(valid, axis=1) > 1
    scalars = {
      name: class_pairs.mean_over(value, usable)
      for name, value in scalars.items()
    }
    rows = vector.reshape(-1, vector.shape[-1])
    scalars['embedding_deviation'] = jnp.sqrt(jnp.mean(jnp.var(rows, axis=0)))
    # Every shard has gathered all rows and computes the whole loss: their mean
    # is the loss, and its gradient counts once.
    scalars = {name: axis.mean(value[None]) for name, value in scalars.items()}
    return scalars['loss'], (scalars, ())

  def represent(state, observation):
    return types.Codes(embed(state.params, observation), {})

  init, update = training.minimise(
    lambda key, batch: {
      'encoder': encoder.init(key, batch['observation'][:1])['params']
    },
    loss_fn,
  )
  layout = types.Layout(plain=config.embedding)
  return types.Method(init, update, represent, None, {}, layout)
