"""Accuracy of support-vector classifiers of digits from their codes.

Source: Peychev, Velickovic & Lio 2017, https://arxiv.org/abs/1711.09159,
section 3.2: an autoencoder is trained on some of the digits, a support-vector
machine on the codes (the means) of the same digits; its accuracy on digits that
neither saw is the score. The data set keeps those: `config.dataset.test`.

Range [0, 1], chance 1 / classes, higher is better.

Deviations: the paper states neither kernel nor constants nor any scaling of the
codes. 'svm_accuracy' is linear: one-vs-rest, squared hinge, C = 1, the
intercept penalised (scikit-learn's LinearSVC). 'svm_accuracy_rbf' is the same
classifier on `num_features` random cosines that stand for a Gaussian kernel
with gamma = 1 / D, what scikit-learn's SVC took by default in 2017. Both see
the codes as they are; 'svm_accuracy_rbf_scaled' sees codes of unit variance.

Known failure modes: without scaling, a Gaussian kernel has the width of the
prior, so that codes far apart (no KL, beta = 0) look all alike to it, and codes
close together (a collapsed posterior) too.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import held_out
from disentangle_jax.ops import svm

SCORES = {
  'svm_accuracy': types.Score(
    'accuracy of a linear support-vector classifier of the label, fitted to '
    'the codes of the training images, on the codes of held-out images',
    'higher',
    0.0,
    1.0,
  ),
  'svm_accuracy_rbf': types.Score(
    'the same with an approximate Gaussian kernel', 'higher', 0.0, 1.0
  ),
  'svm_accuracy_rbf_scaled': types.Score(
    'the same on codes of unit variance', 'higher', 0.0, 1.0
  ),
}
CITATION = 'Peychev et al. 2017, section 3.2'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    factor: number of the factor that is the label.
    c: weight of the loss, C.
    num_features: random cosines of the Gaussian kernel.
    num_steps: most evaluations of the objective per fit.
    block: images that are encoded at once.
  """

  factor: int = 0
  c: float = 1.0
  num_features: int = 300
  num_steps: int = 200
  block: int = 500


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: a set of images with labels and test images.

  Returns:
    The probe; a run with codes that are not finite scores NaN.

  Raises:
    ConfigError: no test images or no such label.
  """
  base.at_least(config, factor=0, num_features=1, num_steps=1, block=1)
  if not config.c > 0:
    raise errors.value('digit_svm.c', config.c, 'must be > 0')
  has_test = isinstance(data.arrays, dict) and 'test_images' in data.arrays
  if not has_test:
    rule = (
      f"'digit_svm' needs images that training never sees, data set {data.name}"
      " keeps none; legal with mnist or digits: 'held_out'"
    )
    raise errors.value('config.dataset.test', 'none', rule)
  if config.factor >= len(data.factor_sizes):
    rule = f'must be below the number of factors, {len(data.factor_sizes)}'
    raise errors.value('digit_svm.factor', config.factor, rule)
  classes = data.factor_sizes[config.factor]

  def fit(key, arrays):
    # The directions depend on the codes' width, which a probe learns from the
    # method alone; what is fitted here is the key that all runs share.
    del arrays
    return jax.random.key_data(key)

  def encode(method, state, images):
    """Code vectors [N, D] of uint8 images [N, ...], block by block."""
    vector = lambda x: method.represent(state, x).vector
    return held_out.in_blocks(vector, images, config.block)

  def accuracy(train, labels, test, truth):
    w, b = svm.fit(train, labels, classes, config.c, config.num_steps)
    predicted = jnp.argmax(test @ w + b, axis=1)
    return jnp.mean((predicted == truth).astype(jnp.float32))

  def score(key, context, method, state, arrays, batch):
    del key, batch
    train = encode(method, state, arrays['images'])
    test = encode(method, state, arrays['test_images'])
    finite = jnp.all(jnp.isfinite(train)) & jnp.all(jnp.isfinite(test))
    train, test = (jnp.where(finite, x, 0) for x in (train, test))
    labels = arrays['factors'][:, config.factor]
    truth = arrays['test_factors'][:, config.factor]
    width = train.shape[1]
    features = svm.random_features(
      jax.random.wrap_key_data(context), width, config.num_features, 1 / width
    )
    cosines = lambda x: svm.apply_features(features, x)
    scaled = lambda x: base.standardize(x, train)
    views = {
      'svm_accuracy': lambda x: x,
      'svm_accuracy_rbf': cosines,
      'svm_accuracy_rbf_scaled': lambda x: cosines(scaled(x)),
    }
    scores = {
      name: accuracy(view(train), labels, view(test), truth)
      for name, view in views.items()
    }
    return {k: jnp.where(finite, v, jnp.nan) for k, v in scores.items()}

  return types.Probe(
    fit=fit,
    score=score,
    requires=('represent',),
    constants={**dataclasses.asdict(config), 'gamma': '1 / codes'},
    at_once=1,
    any_order=False,
  )
