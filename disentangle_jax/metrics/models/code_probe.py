"""How well a new classifier reads the label off frozen codes.

An adversary within training may be fooled where the code still says it all: so
a network of one hidden layer is fitted after training, to the codes of training
sentences and the clean value of their label, by Adam on the cross entropy, all
of them at each step. `code_probe` is its accuracy on the codes of held-out
sentences, as many of either label; `code_probe_train` that on its own.

Source: the practice of Elazar & Goldberg 2018, "Adversarial removal of
demographic attributes from text data", https://arxiv.org/abs/1808.06640,
who fit an attacker to frozen codes after adversarial training.

Deviations: theirs is as wide as the adversary, here the width is a constant;
codes are standardised first. Codes that are not finite score NaN.

Range [0, 1], chance 0.5. For a code that should not say the label, lower is
better; the score itself prefers neither.

Known failure modes: with few sentences a wide code is learnt by heart
(`code_probe_train` near 1, `code_probe` at chance).
"""

import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import held_out_sentences, judges
from disentangle_jax.nn import mlp

SCORES = {
  'code_probe': types.Score(
    'accuracy of a new classifier of the label on held-out frozen codes',
    'none',
    0.0,
    1.0,
  ),
  'code_probe_train': types.Score(
    'the same on the codes that it was fitted to', 'none', 0.0, 1.0
  ),
}
CITATION = 'Elazar & Goldberg 2018, arXiv:1808.06640'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    factor: number of the factor that is the label.
    num_train: sentences that it is fitted to.
    per_class: held-out sentences of each label.
    hidden: width of its layer.
    steps: of Adam.
    learning_rate: of Adam, falling to 0 along a half cosine.
    block: sentences that are encoded at once.
  """

  factor: int = 0
  num_train: int = 4000
  per_class: int = 1000
  hidden: int = 64
  steps: int = 400
  learning_rate: float = 1e-2
  block: int = 500


class Network(nn.Module):
  """Logits of two labels.

  Attributes:
    hidden: width of the layer.
  """

  hidden: int

  @nn.compact
  def __call__(self, codes: jax.Array) -> jax.Array:
    """float [B, D] -> float [B, 2]."""
    x = mlp.MLP((self.hidden,))(codes)
    return nn.Dense(2, kernel_init=mlp.KERNEL_INIT)(x)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: sentences of two classes, some held out.

  Returns:
    The probe.

  Raises:
    ConfigError: other data, or a constant out of range.
  """
  where = 'config.metric_options.code_probe'
  base.at_least(config, num_train=2, per_class=1, hidden=1, steps=1, block=1)
  held_out_sentences.check(data, config.factor, where)
  network = Network(config.hidden)

  def score(key, context, method, state, arrays, batch):
    del context, batch
    train_key, test_key, fit_key = jax.random.split(key, 3)
    index = jnp.arange(config.num_train, dtype=jnp.int32)
    train = data.sample(train_key, arrays, index)
    test = held_out_sentences.draw(
      data, config.factor, test_key, arrays, config.per_class
    )
    vector = lambda tokens: held_out_sentences.in_blocks(
      lambda rows: method.represent(state, rows).vector, tokens, config.block
    )
    codes, others = vector(train['observation']), vector(test.tokens)
    usable = jnp.all(jnp.isfinite(codes)) & jnp.all(jnp.isfinite(others))
    codes, others = (jnp.where(usable, x, 0) for x in (codes, others))
    others, codes = (base.standardize(x, codes) for x in (others, codes))
    label = train['factors'][:, config.factor]

    def loss(params, batch):
      logits = network.apply({'params': params}, codes)
      return jnp.mean(
        optax.softmax_cross_entropy_with_integer_labels(logits, label)
      )

    params = judges.learnt(
      fit_key,
      network,
      codes[:1],
      loss,
      judges.falling_adam(config.learning_rate, config.steps),
      lambda key: (),
      config.steps,
    )

    def accuracy(codes, label):
      logits = network.apply({'params': params}, codes)
      right = jnp.argmax(logits, axis=-1) == label
      return jnp.where(usable, jnp.mean(right, dtype=jnp.float32), jnp.nan)

    return {
      'code_probe': accuracy(others, test.label),
      'code_probe_train': accuracy(codes, label),
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent',),
    constants=dataclasses.asdict(config),
    kinds=('tokens',),
    at_once=4,
  )
