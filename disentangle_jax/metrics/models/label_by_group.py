"""Which group of latents the label can be read from.

Source: Bouchacourt et al. 2018, https://arxiv.org/abs/1705.08841, section 4:
classifiers of the label from the content and from the style, and from the
content of several images of one label, whose evidence is gathered. Here a
linear support-vector classifier (`ops.svm`), fitted to the codes of
`num_train` images and asked on `num_test` others:

  label_from_global       from the global latents (the content) of one image,
  label_from_local        from the local latents (the style) of one image,
  label_from_accumulated  from the content of `evidence` images of one label;
                          NaN where the method has no extra 'accumulate'.

Range [0, 1], chance 1 / labels. When the label is global the first is high and
the second at chance; evidence raises the third above the first.

The groups are what the method's extras 'resample_global' and 'resample_local'
change. The classifier of 'label_from_accumulated' is that of single images: the
same content, better known. Codes are the representation's means.

Deviations: images are independent draws of the run's data set; the paper trains
networks as classifiers and names test images that training never saw.

Known failure modes: a linear classifier misses what is there but bent; a group
of many latents has more to offer it.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics import base
from disentangle_jax.ops import svm

SCORES = {
  'label_from_global': types.Score(
    'accuracy of a linear classifier of the label from the global latents',
    'higher',
    0.0,
    1.0,
  ),
  'label_from_local': types.Score(
    'accuracy of a linear classifier of the label from the local latents',
    'lower',
    0.0,
    1.0,
  ),
  'label_from_accumulated': types.Score(
    'accuracy of the classifier of the global latents on those of several '
    'images of one label',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Bouchacourt et al. 2018, arXiv:1705.08841'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    factor: number of the factor that is the label.
    num_train: images that the classifiers are fitted to.
    num_test: images that they are asked about.
    evidence: images of one label whose content is gathered.
    c: weight of the loss, C.
    num_steps: most evaluations of the objective per fit.
  """

  factor: int = 0
  num_train: int = 2000
  num_test: int = 1000
  evidence: int = 4
  c: float = 1.0
  num_steps: int = 200


def groups_of_one_label(label: jax.Array, size: int, classes: int) -> jax.Array:
  """Rows of one label each, `size` at a time.

  Args:
    label: int32 [N].
    size: of a group.
    classes: number of labels.

  Returns:
    int32 [N, size], numbers of rows: row n itself and the next ones of its
    label, cyclically; where there are fewer than `size`, some come twice.
  """
  order = jnp.argsort(label, stable=True)
  count = jnp.bincount(label, length=classes)
  first = jnp.cumsum(count) - count
  place = jnp.zeros_like(label).at[order].set(jnp.arange(len(label)))
  within = place - first[label]
  step = within[:, None] + jnp.arange(size)
  return order[first[label][:, None] + step % count[label][:, None]]


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: a data set with at least two labels.

  Returns:
    The probe; a run with codes that are not finite scores NaN.

  Raises:
    ConfigError: no such label, one with a single value, or a constant out of
      range.
  """
  base.at_least(
    config, factor=0, num_train=1, num_test=1, evidence=1, num_steps=1
  )
  if config.factor >= len(data.factor_sizes):
    rule = f'must be below the number of factors, {len(data.factor_sizes)}'
    raise errors.value('label_by_group.factor', config.factor, rule)
  classes = data.factor_sizes[config.factor]
  if classes < 2:
    name = data.factor_names[config.factor]
    rule = f'{name} of {data.name} has one value'
    raise errors.value('label_by_group.factor', config.factor, rule)

  def score(key, context, method, state, arrays, batch):
    del context, arrays
    vector = batch['codes'].vector
    label = batch['factors'][:, config.factor]
    train = slice(None, config.num_train)
    test = slice(config.num_train, None)
    finite = jnp.all(jnp.isfinite(vector))
    vector = jnp.where(finite, vector, 0)

    def columns(group):
      changed = method.extras[f'resample_{group}'](key, state, vector)
      return jnp.any(changed != vector, axis=0)

    def fitted(mask):
      own = jnp.where(mask, vector, 0)
      w, b = svm.fit(
        own[train], label[train], classes, config.c, config.num_steps
      )
      # A column that is always 0 has weight 0.
      return lambda z, truth: jnp.mean(jnp.argmax(z @ w + b, axis=1) == truth)

    of_global, of_local = columns('global'), columns('local')
    by_content, by_style = fitted(of_global), fitted(of_local)
    scores = {
      'label_from_global': by_content(vector[test], label[test]),
      'label_from_local': by_style(vector[test], label[test]),
      'label_from_accumulated': jnp.float32(jnp.nan),
    }
    if 'accumulate' in method.extras:
      rows = groups_of_one_label(label[test], config.evidence, classes)
      images = batch['observation'][test][rows]
      content = method.extras['accumulate'](state, images).vector
      # Into the columns of the content, in their order.
      place = jnp.cumsum(of_global) - 1
      full = jnp.where(of_global, content[:, jnp.maximum(place, 0)], 0)
      scores['label_from_accumulated'] = by_content(full, label[test])
    return {k: jnp.where(finite, v, jnp.nan) for k, v in scores.items()}

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent', 'resample_global', 'resample_local'),
    constants=dataclasses.asdict(config),
    examples=config.num_train + config.num_test,
    reduce='whole',
  )
