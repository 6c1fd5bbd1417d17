"""Operators on concepts, whatever system the concepts are of.

Higgins et al. 2018, https://arxiv.org/abs/1707.03389: a net that
takes two Gaussians over the same latents and gives a third, latent by latent,
by one 1 x 1 convolution for all of them; the operator picks its pair of
outputs. Minimised, in nats, with everything else frozen:

  KL(q(z|x) || q_r(z | q(z|y_1), q(z|y_2), operator))

x is a picture that fits what the operator makes of y_1 and y_2. `direction`
'reverse' turns the KL round. `operator_target` 'symbol' puts q(z|y) of the
resulting symbol in the place of q(z|x), as a public replica does, and draws
results among trained concepts alone.
"""

from collections.abc import Callable
import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.concepts import common, scan
from disentangle_jax.nn import mlp, nets
from disentangle_jax.ops import concepts

TARGETS = ('image', 'symbol')
HPARAMS = {'learning_rate': 1e-3}
State = training.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    operator_hidden: width of the hidden layer, the same for every latent.
    operator_target: what a result must cover, of TARGETS.
    direction: of the KL, of `scan.DIRECTIONS`; SCAN's own is the same.
    precision: of the networks' products, see `nets.apply`.
  """

  operator_hidden: int = 1024
  operator_target: str = 'image'
  direction: str = 'forward'
  precision: str = 'auto'


class Operators(nn.Module):
  """Two Gaussians and an operator -> a Gaussian, each latent on its own.

  Attributes:
    hidden: width of the ReLU layer.
  """

  hidden: int

  @nn.compact
  def __call__(self, given) -> common.Posterior:
    """((mean, logvar), (mean, logvar), operator int32 [B]) -> the same."""
    first, second, operator = given
    (mean, logvar), (other, other_logvar) = first, second
    x = jnp.stack([mean, other, logvar, other_logvar], axis=-1)  # [B, D, 4]
    dense = lambda width: nn.Dense(width, kernel_init=mlp.KERNEL_INIT)
    count = len(concepts.OPERATORS)
    x = nn.relu(dense(self.hidden)(x))
    x = dense(2 * count)(x)
    x = x.reshape(*x.shape[:-1], count, 2)
    chosen = jax.nn.one_hot(operator, count, dtype=x.dtype)
    x = jnp.sum(x * chosen[:, None, :, None], axis=-2)
    return x[..., 0], x[..., 1]


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Two symbols, an operator, and a picture of what comes out."""
  known = config.operator_target == 'symbol'
  return (requests.Observation(), requests.Recombination(known))


def make(
  config: Config, data: types.Dataset, before: types.Method | None
) -> types.Method:
  """Operators on the concepts of a trained system.

  Args:
    config: static choices.
    data: with concepts.
    before: the system, with the extras 'concept', 'sym2img' and 'img2sym'.

  Returns:
    The method: all that `before` can, and 'recombine'. It reports 'loss', the
    KL in nats.

  Raises:
    ConfigError: no such system, a data set without concepts, or an option out
      of range.
  """
  common.grammar_of(data)
  of = lambda field: f'config.static.{field}'
  checks.integer(of('operator_hidden'), config.operator_hidden, 1)
  checks.choice(of('operator_target'), config.operator_target, TARGETS)
  checks.choice(of('direction'), config.direction, scan.DIRECTIONS)
  checks.choice(of('precision'), config.precision, nets.PRECISIONS)
  if before is None or 'concept' not in before.extras:
    rule = 'needs a trained system of concepts: make(config, data, before)'
    raise errors.value('operators', 'before', rule)
  network = Operators(config.operator_hidden)
  latents = before.layout.gaussian
  optimiser = lambda hparams: optax.adam(hparams['learning_rate'])
  known = lambda params: common.as_state(params['concepts'])

  def apply(params, first, second, operator):
    given = first, second, operator
    return nets.apply(network, params, given, config.precision)

  def init(key, batch, hparams, frozen=None):
    del batch
    if frozen is None:
      rule = 'needs the state of the system: init(..., frozen)'
      raise errors.value('operators', 'frozen=None', rule)
    empty = jnp.zeros((1, latents)), jnp.zeros((1, latents))
    given = empty, empty, jnp.zeros(1, jnp.int32)
    own = network.init(key, given)['params']
    opt_state = optimiser(hparams).init(own)
    params = {'operators': own, 'concepts': frozen.params}
    return State(params, opt_state, jnp.zeros((), jnp.int32))

  def update(key, state, batch, hparams):
    del key
    fixed = known(state.params)
    of_symbol = lambda name: before.extras['concept'](fixed, batch[name])
    first, second = of_symbol('first_symbol'), of_symbol('second_symbol')
    if config.operator_target == 'image':
      seen = before.represent(fixed, batch['result_observation'])
      target = common.posterior_of(seen)
    else:
      target = of_symbol('result_symbol')

    def loss_fn(own):
      result = apply(own, first, second, batch['operator'])
      loss = scan.grounding(config.direction, target, result)
      return loss, {'loss': loss}

    own, opt_state, scalars = training.descend(
      loss_fn,
      optimiser(hparams),
      state.params['operators'],
      state.opt_state,
    )
    params = {**state.params, 'operators': own}
    return State(params, opt_state, state.step + 1), scalars

  def represent(state, observation):
    return before.represent(known(state.params), observation)

  def decode(state, vector):
    return before.decode(known(state.params), vector)

  def recombine(state, first, second, operator):
    return apply(state.params['operators'], first, second, operator)

  extras = _extras(before, known, decode, recombine, data)
  layout = types.Layout(gaussian=latents)
  return types.Method(init, update, represent, decode, extras, layout)


def _extras(before, known, decode, recombine, data) -> dict[str, Callable]:
  """What the system can, 'recombine', and a sheet of each operator."""
  grammar = common.grammar_of(data)

  def concept(state, symbol):
    return before.extras['concept'](known(state.params), symbol)

  def sym2img(key, state, symbol, count):
    return before.extras['sym2img'](key, known(state.params), symbol, count)

  def img2sym(state, observation):
    return before.extras['img2sym'](known(state.params), observation)

  def pictures(key, state, observation):
    fixed = known(state.params)
    own = before.extras['pictures'](key, fixed, observation)
    few = observation[: common.PICTURES]
    said = common.concepts_named(grammar, img2sym(state, few))
    part = lambda *which: concept(state, common.only(grammar, said, which))
    # AND of the first two attributes; the second, which they have IN COMMON;
    # the first, as the second is IGNOREd.
    asked = (
      (part(0), part(1)),
      (part(0, 1), part(1, 2)),
      (part(0, 1), part(1)),
    )
    samples = []
    for place, (first, second) in enumerate(asked):
      operator = jnp.full(len(few), place, jnp.int32)
      result = recombine(state, first, second, operator)
      place_key = jax.random.fold_in(key, place)
      samples.append(
        common.draws(place_key, decode, state, result, common.SAMPLES)
      )
    return {**own, 'operators': common.sheet(data, few, samples)}

  return {
    **common.likelihood_of(before, known),
    'concept': concept,
    'sym2img': sym2img,
    'img2sym': img2sym,
    'recombine': recombine,
    'pictures': pictures,
  }
