"""Which group of latents carries the label: one group redrawn at a time.

Source: "Explicit information placement on latent variables using auxiliary
generative modelling task", section 3.1.2 and figure 3. A classifier of images
is trained on the data, never on what models decode. Then, over images of the
data set, the share whose label it names right, given

  swap_classifier      the image itself (what the judge can do at all),
  swap_reconstructed   its decoded code,
  swap_local           the same with the local latents drawn from the prior,
  swap_global          the same with the global latents drawn from the prior.

Range [0, 1]; chance is the share of the most frequent label. When the label is
global, a good model keeps swap_local near swap_reconstructed and takes
swap_global down to chance. Published on SVHN: 0.95, 0.86, 0.80 and 0.11.

The method says what its groups are by its extras 'resample_global' and
'resample_local', `(key, state, vector [B, D]) -> vector [B, D]`. Codes are the
representation's means and images the decoder's means. All runs are judged by
the same classifier and meet the same images and draws.

Deviations: the judge is trained and asked on independent draws of the run's
data set. Where that is a list of images rather than a renderer, both see the
same list, and swap_classifier says nothing about unseen images.

Known failure modes: a judge that fails on the blur of a decoder scores the blur
too; swap_global near chance alone shows nothing when swap_reconstructed is near
chance.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import image_classifier

SCORES = {
  'swap_classifier': types.Score(
    'share of images whose label the classifier names right', low=0.0, high=1.0
  ),
  'swap_reconstructed': types.Score(
    'the same share of reconstructions', 'higher', 0.0, 1.0
  ),
  'swap_local': types.Score(
    'the same with the local latents drawn from the prior', 'higher', 0.0, 1.0
  ),
  'swap_global': types.Score(
    'the same with the global latents drawn from the prior', 'lower', 0.0, 1.0
  ),
}
CITATION = 'Explicit information placement on latent variables, section 3.1.2'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: images judged.
    factor: number of the factor that is the label.
    net: of the classifier, a key of `nets.NETS`: 'conv' needs images that can
      be halved four times.
    hidden: widths of the classifier's layers when it is an 'mlp'.
    steps: of its training.
    batch_size: images per step.
    learning_rate: of Adam, falling to 0 along a half cosine.
  """

  num_points: int = 2000
  factor: int = 0
  net: str = 'mlp'
  hidden: tuple[int, ...] = (256, 256)
  steps: int = 3000
  batch_size: int = 128
  learning_rate: float = 2e-3


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; its context is the classifier's parameters.

  Args:
    config: constants.
    data: a data set with at least two labels.

  Returns:
    The probe.

  Raises:
    ConfigError: a data set without labels, or a constant out of range.
  """
  base.at_least(config, num_points=1, steps=1, batch_size=1)
  judge = image_classifier.make(
    image_classifier.settings_of(config),
    data,
    'config.metric_options.swap',
  )

  def score(key, context, method, state, arrays, batch):
    del batch
    data_key, *swap_keys = jax.random.split(key, 3)
    index = jnp.arange(config.num_points)
    rows = data.sample(data_key, arrays, index)
    observation = rows['observation']
    label = rows['factors'][:, config.factor]

    def right(images):
      return judge.accuracy(context, images, label)

    vector = method.represent(state, observation).vector
    decoded = lambda vector: right(method.decode(state, vector))
    local, anew = (
      method.extras[f'resample_{group}'](k, state, vector)
      for k, group in zip(swap_keys, ('local', 'global'))
    )
    return {
      'swap_classifier': right(observation),
      'swap_reconstructed': decoded(vector),
      'swap_local': decoded(local),
      'swap_global': decoded(anew),
    }

  return types.Probe(
    fit=judge.fit,
    score=score,
    requires=('represent', 'decode', 'resample_global', 'resample_local'),
    needs=(),
    constants=dataclasses.asdict(config),
    at_once=4,
  )
