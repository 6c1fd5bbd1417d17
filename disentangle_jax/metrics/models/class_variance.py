"""How much content and style vary where the label does not.

Source: Karimi et al. 2017, "JADE: Joint Autoencoders for Dis-Entanglement",
https://arxiv.org/abs/1711.09163, figure 2a, which shows the normalised variance
of every latent over images of one class. Here, for the parts 'content' and
'style' of the codes of the test images,

  mean over classes c and dimensions d of  var(z_d | c) / var(z_d),

`content_variance` and `style_variance`. 0: the code is a function of the label;
1: within a class it varies as much as over all classes. A good model has a low
content_variance and a style_variance near 1.

Range [0, number of classes] (one class may vary more than all together); where
classes are equally frequent the mean over them is at most 1. Dimensions that
are constant over all test images say nothing and are left out; NaN where all
are. Test images are those of the first set of two joined ones, see
`label_error`.

Deviations: a number where the source shows a picture; the test images of each
class instead of 500 random ones.

Known failure modes: a dimension that the encoder leaves at the prior varies by
next to nothing, and by as much within classes as between them: it counts as
style does, wherever it stands.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import held_out

_WHAT = 'variance within a class over variance in all, mean of the {}'
SCORES = {
  'content_variance': types.Score(_WHAT.format('content'), 'lower', 0.0),
  'style_variance': types.Score(_WHAT.format('style'), 'none', 0.0),
}
CITATION = 'Karimi et al. 2017, arXiv:1711.09163, figure 2a'
PARTS = ('content', 'style')


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    factor: number of the factor that is the label; a joined set whose rows
      share a label has its own.
    block: images that are encoded at once.
  """

  factor: int = 0
  block: int = 500


def ratio(codes: jax.Array, labels: jax.Array, classes: int) -> jax.Array:
  """Variance within classes over variance in all.

  Args:
    codes: float32 [N, D].
    labels: int32 [N], in 0 .. classes - 1.
    classes: number of labels; those that do not occur are left out.

  Returns:
    float32 scalar, >= 0; NaN where every dimension is constant.
  """
  codes = codes - jnp.mean(codes, axis=0)
  member = jax.nn.one_hot(labels, classes, dtype=codes.dtype)  # [N, classes]
  count = jnp.sum(member, axis=0)[:, None]
  some = jnp.maximum(count, 1)
  centre = member.T @ codes / some
  within = member.T @ jnp.square(codes - centre[labels]) / some  # [classes, D]
  total = jnp.mean(jnp.square(codes), axis=0)
  varies = jnp.any(codes != codes[:1], axis=0)
  counted = (count > 0) & varies
  share = jnp.where(counted, within / jnp.where(varies, total, 1), 0)
  return jnp.sum(share) / jnp.sum(counted)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: a set with labels and test images, or two joined ones.

  Returns:
    The probe; a run with codes that are not finite scores NaN, a method without
    a style has no style_variance.

  Raises:
    ConfigError: no test images, or some that training sees; no such label.
  """
  base.at_least(config, factor=0, block=1)
  domain, _ = held_out.domains(data, config.factor, 'class_variance')

  def score(key, context, method, state, arrays, batch):
    del key, context, batch
    own = domain.own(arrays)
    labels = own['test_factors'][:, domain.label]

    def parts_of(images):
      parts = method.represent(state, images).parts
      return {name: parts[name] for name in PARTS if name in parts}

    parts = held_out.in_blocks(parts_of, own['test_images'], config.block)
    scores = {
      f'{name}_variance': ratio(codes, labels, domain.classes)
      for name, codes in parts.items()
    }
    finite = lambda x: jnp.all(jnp.isfinite(x))
    return {
      name: jnp.where(finite(codes), value, jnp.nan)
      for (name, value), codes in zip(scores.items(), parts.values())
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent',),
    needs=('content',),
    constants=dataclasses.asdict(config),
    kinds=('image', 'video', 'voxels'),
    at_once=4,
  )
