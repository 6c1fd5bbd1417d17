"""Independently controllable factors, each named by an embedding.

Thomas et al. 2018, "Disentangling the independently controllable factors of
variation by interacting with the world", https://arxiv.org/abs/1802.09484,
equation 1. h = f(s) in (-1, 1)^D; embeddings phi_1 .. phi_n = Phi(h, zeta_i),
zeta ~ N(0, I); a policy pi(a|h, phi). After the policy's actions h' = f(s'),
and A_j = A(h' - h, phi_j). Minimised, per state, summed over pixels and codes:

  w_ae |s - g(h)|^2 - w_sel E_i[w (r_i + stop(r_i - V) log pi(a|h, phi_i))]
    + w_v E_i[w (V(h, phi_i) - stop(r_i))^2] - w_ent E_i[H(pi(.|h, phi_i))]
    + w_mb E_i[|h' - T(h, phi_i)|^2]
  r_i = log A_i - log((1/n) sum_j A_j), nats

The reward is differentiated through h, h' and all phi, and the second factor
is REINFORCE's with the baseline V. w_ent falls linearly to w_ent_end over
`anneal_steps`, and w_sel rises linearly from 0 over `warmup_steps`. A row of
the batch is an episode of `episode` states, rolled out anew in every step from
a key of the row's own, so that a batch may be split; the batch's observations
are not read. Who acts:

  acting='all'  every phi_i in a copy of the world; behaviour is pi with a
                uniform legal action in `epsilon` of all cases, w = pi / pi_b,
                at most 1 / (1 - epsilon)^policy_steps
  acting='one'  phi_1 alone, and every phi_j learns from it with w = min(pi_j /
                pi_b, 5) and r_j of the same change: the paper's form (A.1)

Policies of `policy_steps` actions are one unit: h' is the code after all of
them. T exists with `transition`; it is never trained on pixels.

Deviations. Inputs of two networks are outer products of two vectors (A.1), with
a constant 1 in each where `bilinear_one`: else h = 0 would silence Phi. h is
always in the hypercube; `space` is that of phi. `kernel='dot'` adds 0.001 to A.
The public code divides w by its sum over j, so that pi_b cancels and an action
that nobody wants still weighs 1 in all; not here. No batch normalisation, no
clipping of gradients. With acting='all' and policies of one action, actors that
take the same action in a state share its outcome.

Traps. (1) Selectivity is local: the changes must differ between actions within
a state, and nothing ties the change of one action across states but a smooth
encoder (pictures that overlap) or a generator that is blind to h. (2) sigma =
sqrt(D), the paper's, is far above a step of a code in (-1, 1)^D: r is near 0.
(3) Too little entropy early, as at w_sel 2: two modes of phi on one action for
ever. (4) While policies are all alike r pays embeddings for being alike too,
and at the end of tanh they stay so: `warmup_steps` may do harm.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types
from disentangle_jax.methods import training
from disentangle_jax.methods.control import arrows, common, icf_parts
from disentangle_jax.ops import axis, likelihood, selectivity

CITATION = 'Thomas et al. 2018, arXiv:1802.09484, equation 1'
DISPLAY = 'ICF'
HPARAMS = {
  'learning_rate': 1e-3,
  'w_ae': 1.0,
  'w_sel': 1.0,
  'warmup_steps': 1.0,
  'w_v': 1.0,
  'w_ent': 0.2,
  'w_ent_end': 0.02,
  'anneal_steps': 1e4,
  'w_mb': 0.1,
  'sigma': 0.5,
  'epsilon': 0.1,
}
STRENGTH = 'w_sel'
BOUNDS = {
  'sigma': (1e-3, math.inf),
  'epsilon': (0.0, 1.0),
  'anneal_steps': (1.0, math.inf),
  'warmup_steps': (1.0, math.inf),
}
# The loss holds a reward that policies must first find.
PROGRESS = 'reconstruction'
TEST = {
  'dataset': (
    'gridworld',
    {'cells': 3, 'blocks': ((1, 1),), 'pixels': 2, 'side': 2, 'spread': 1.5},
  ),
  'static': {'embeddings': 4, 'transition': True, 'episode': 2},
}
Config = icf_parts.Config
State = training.State
# Columns of the pictures.
_SHOWN = 8


def objective(
  config: Config,
  parts: icf_parts.Parts,
  params: Any,
  seen: icf_parts.Experience,
  hparams: Any,
) -> dict[str, jax.Array]:
  """Terms of the loss in each state and for each embedding.

  Args:
    config: static choices.
    parts: the networks.
    params: their parameters.
    seen: what was done.
    hparams: 'sigma'.

  Returns:
    'reconstruction' [N], 'surrogate', 'value', 'entropy', 'reward' (w r) [N,
    n], and 'transition' [N, m] where there is one.
  """
  rows = lambda x: parts.encode(params, x.reshape(-1, *image))
  image = seen.observation.shape[1:]
  h = parts.encode(params, seen.observation)
  phi = parts.embed(params, h, seen.noise)
  actors, steps = seen.action.shape[1:]
  count, width = h.shape
  outcomes = rows(seen.outcomes).reshape(count, -1, width)
  after = jnp.take_along_axis(outcomes, seen.outcome[..., None], axis=1)
  change = after - h[:, None]
  # Codes before each action, [N, m, P, D].
  path = jnp.broadcast_to(h[:, None, None], (count, actors, 1, width))
  if steps > 1:
    later = rows(seen.later).reshape(count, actors, steps - 1, width)
    path = jnp.concatenate([path, later], axis=2)
  over_all = lambda x: jnp.broadcast_to(x, (count, phi.shape[1], *x.shape[2:]))
  names = jnp.broadcast_to(phi[:, :, None], (*phi.shape[:2], steps, width))
  told = parts.policy(params, over_all(path), names)
  log_p = common.log_policy(told['logits'], over_all(seen.legal))
  log_policy = common.of_action(log_p, over_all(seen.action)).sum(-1)
  baseline = told['value'][:, :, 0, 0]
  if config.kernel == 'gaussian':
    log_scores = selectivity.log_gaussian(
      change, phi[:, None], hparams['sigma']
    )
  else:
    log_scores = selectivity.log_dot(change, phi[:, None])
  reward = selectivity.reward(log_scores)  # [N, m, n]
  if config.acting == 'all':
    reward = jnp.diagonal(reward, axis1=1, axis2=2)
  else:
    reward = reward[:, 0]
  weight = selectivity.weights(log_policy, seen.log_behaviour)
  surrogate = selectivity.surrogate(log_policy, reward, baseline, weight)
  missed = jnp.square(baseline - jax.lax.stop_gradient(reward))
  shown = parts.decode(params, h)
  terms = {
    'reconstruction': likelihood.squared_error(shown, seen.observation),
    'surrogate': surrogate,
    'value': weight * missed,
    'entropy': common.entropy(log_p).mean(-1),
    'reward': weight * reward,
  }
  if config.transition:
    h = jnp.broadcast_to(h[:, None], after.shape)
    predicted = parts.transition(params, h, phi[:, :actors])
    terms['transition'] = jnp.sum(jnp.square(after - predicted), axis=-1)
  return terms


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: with an environment of discrete actions.

  Returns:
    The method. It reports the terms without their weights: 'reconstruction'
    (squared error, sum over pixels), 'selectivity' (E[w r], nats, at most log
    n), 'entropy' of policies in nats, 'value_error', and 'transition_error'.
    Extras: 'log_likelihood' (of a Gaussian of scale one around the
    reconstruction), 'act' (goal: an embedding [B, D]; None draws one),
    'embeddings', 'policies', 'transition' where it is learnt, and 'pictures',
    arrows of policies, on worlds with moves.

  Raises:
    ConfigError: an option out of range, or no environment.
  """
  parts = icf_parts.build(config, data)

  def loss_fn(params, key, state, batch, hparams):
    seen = parts.play(params, key, batch['index'], hparams['epsilon'])
    terms = objective(config, parts, params, seen, hparams)
    per_state = lambda x: x.mean(axis=tuple(range(1, x.ndim)))
    mean = {name: axis.mean(per_state(x)) for name, x in terms.items()}
    gone = training.ramp(state.step, hparams['anneal_steps'])
    w_ent = hparams['w_ent'] + gone * (hparams['w_ent_end'] - hparams['w_ent'])
    w_sel = hparams['w_sel'] * training.ramp(
      state.step, hparams['warmup_steps']
    )
    loss = (
      hparams['w_ae'] * mean['reconstruction']
      - w_sel * mean['surrogate']
      + hparams['w_v'] * mean['value']
      - w_ent * mean['entropy']
    )
    scalars = {
      'reconstruction': mean['reconstruction'],
      'selectivity': mean['reward'],
      'entropy': mean['entropy'],
      'value_error': mean['value'],
    }
    if config.transition:
      loss += hparams['w_mb'] * mean['transition']
      scalars['transition_error'] = mean['transition']
    return loss, ({'loss': loss, **scalars}, ())

  def represent(state, observation):
    return types.Codes(parts.encode(state.params, observation), {})

  def decode(state, vector):
    return parts.decode(state.params, vector)

  def embeddings(key, state, observation, count):
    noise = jax.random.normal(key, (len(observation), count, config.noise))
    h = parts.encode(state.params, observation)
    return parts.embed(state.params, h, noise)

  def policies(state, observation, phi):
    h = parts.encode(state.params, observation)
    h = jnp.broadcast_to(h[:, None], phi.shape)
    return parts.policy(state.params, h, phi)['logits']

  def act(key, state, observation, goal=None):
    embed_key, key = jax.random.split(key)
    if goal is None:
      goal = embeddings(embed_key, state, observation, 1)[:, 0]
    logits = policies(state, observation, goal[:, None])[:, 0]
    return jax.random.categorical(key, logits).astype(jnp.int32)

  def pictures(key, state, observation):
    del observation
    noise = jax.random.normal(key, (_SHOWN, config.noise))

    def probabilities(seen, legal):
      h = parts.encode(state.params, seen)
      same = jnp.broadcast_to(noise, (len(seen), *noise.shape))
      logits = policies(state, seen, parts.embed(state.params, h, same))
      legal = legal[:, None] | (not config.permissible)
      return jnp.exp(common.log_policy(logits, legal))

    return {'policies': arrows.sheet(data, probabilities)}

  def log_likelihood(state, vector, observation):
    return likelihood.gaussian(
      decode(state, vector), observation, jnp.zeros(())
    )

  extras = {
    'log_likelihood': log_likelihood,
    'act': act,
    'embeddings': embeddings,
    'policies': policies,
  }
  if config.transition:
    extras['transition'] = lambda state, vector, embedding: parts.transition(
      state.params, vector, embedding
    )
  if arrows.planes(data):
    extras['pictures'] = pictures
  init, update = training.minimise(
    parts.init,
    loss_fn,
    optimiser=lambda hparams: optax.adam(hparams['learning_rate']),
  )
  layout = types.Layout(plain=config.num_latents)
  return types.Method(init, update, represent, decode, extras, layout)
