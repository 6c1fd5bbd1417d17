"""Share of images with a wrong label, by the model's own classifier.

Source: the error rates of Karimi et al. 2017, "JADE: Joint Autoencoders for
Dis-Entanglement", https://arxiv.org/abs/1711.09163, table 1. A model says by
its extra 'classify' which label is most likely; `label_error` is the share of
test images whose label is another one. Of a joined data set these are the first
set's, and `label_error_secondary` is the same by 'classify_secondary' for the
second, where it keeps test images and the method classifies them.

Test images are those that training never draws: `config.dataset.test`, of a
joined set among the options of its parts. Images that are byte for byte among
those of training are refused. Every test image counts once.

Range [0, 1], chance 1 less the share of the most frequent label, lower is
better.

Deviations: none.

Known failure modes: with few test images it moves in steps of one over their
number.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import held_out

SCORES = {
  'label_error': types.Score(
    'share of test images that the model gives a wrong label',
    'lower',
    0.0,
    1.0,
  ),
  'label_error_secondary': types.Score(
    'the same for the second of two joined sets', 'lower', 0.0, 1.0
  ),
}
CITATION = 'Karimi et al. 2017, arXiv:1711.09163, table 1'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    factor: number of the factor that is the label; a joined set whose rows
      share a label has its own.
    block: images that are classified at once.
  """

  factor: int = 0
  block: int = 500


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: a set with labels and test images, or two joined ones.

  Returns:
    The probe; a run with logits that are not finite scores NaN.

  Raises:
    ConfigError: no test images, or some that training sees; no such label.
  """
  base.at_least(config, factor=0, block=1)
  first, second = held_out.domains(data, config.factor, 'label_error')
  asked = {'classify': ('label_error', first)}
  if second is not None:
    asked['classify_secondary'] = ('label_error_secondary', second)

  def error(classify, state, arrays, label):
    logits = held_out.in_blocks(
      lambda images: classify(state, images),
      arrays['test_images'],
      config.block,
    )
    wrong = jnp.argmax(logits, axis=-1) != arrays['test_factors'][:, label]
    share = jnp.mean(wrong, dtype=jnp.float32)
    return jnp.where(jnp.all(jnp.isfinite(logits)), share, jnp.nan)

  def score(key, context, method, state, arrays, batch):
    del key, context, batch
    return {
      name: error(
        method.extras[ability], state, domain.own(arrays), domain.label
      )
      for ability, (name, domain) in asked.items()
      if ability in method.extras
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('classify',),
    constants=dataclasses.asdict(config),
    kinds=('image', 'video', 'voxels'),
    at_once=4,
  )
