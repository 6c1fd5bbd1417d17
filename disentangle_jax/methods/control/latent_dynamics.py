"""Encoders, locally linear dynamics and plans of `dynamics_content`."""

from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.vae import decoders
from disentangle_jax.nn import locally_linear, nets
from disentangle_jax.ops import ilqr

# Beyond these -H - log q of a transition explode in opposite directions.
LOGVAR_RANGE = (-10.0, 4.0)


class Networks:
  """Encoders, dynamics and decoder as pure functions of the parameters."""

  def __init__(self, config: Any, data: types.Dataset):
    """Builds the modules.

    Args:
      config: has net, num_latents, content and their like, see
        `dynamics_content.Config`.
      data: for the shape of observations.
    """
    self.config = config
    sizes = lambda width: (('mean', width), ('logvar', width))
    width = config.num_latents + config.content
    self.decoder = decoders.build(config, data, width)
    content_net = nets.mlp.Config(encoder_hidden=config.content_hidden)
    self._modules = {
      'encoder': nets.Encoder(config.net, sizes(config.num_latents)),
      'content': nets.Encoder(content_net, sizes(config.content)),
      'transition': locally_linear.Transition(
        config.num_latents, config.action_size, config.transition_hidden
      ),
      'backward': locally_linear.Backward(
        config.num_latents,
        observation_hidden=config.backward_hidden,
        joint_hidden=config.backward_hidden,
      ),
    }

  def init(self, key: jax.Array, observation: jax.Array) -> types.PyTree:
    """Parameters; observations [B, ...] serve for their shape."""
    z = jnp.zeros((1, self.config.num_latents))
    action = jnp.zeros((1, self.config.action_size))
    x = observation[:1]
    given = {
      'encoder': x,
      'content': x,
      'transition': (z, action),
      'backward': (z, x, action),
    }
    keys = jax.random.split(key, 5)
    params = {
      name: module.init(k, given[name])['params']
      for k, (name, module) in zip(keys, self._modules.items())
    }
    return {**params, **self.decoder.init(keys[4])}

  def _apply(self, params, name, given):
    module, precision = self._modules[name], self.config.precision
    return nets.apply(module, params[name], given, precision)

  def dynamics(self, params, observation):
    """Mean and log variance of q(z|x), float [B, D] each."""
    heads = self._apply(params, 'encoder', observation)
    return heads['mean'], jnp.clip(heads['logvar'], *LOGVAR_RANGE)

  def content(self, params, observation):
    """Mean and log variance of q(w|x), float [B, C] each."""
    heads = self._apply(params, 'content', observation)
    return heads['mean'], heads['logvar']

  def before(self, params, after, observation, action):
    """Mean and log variance of q(zbar|z', x, u), float [B, D] each."""
    heads = self._apply(params, 'backward', (after, observation, action))
    return heads['mean'], jnp.clip(heads['logvar'], *LOGVAR_RANGE)

  def linear(self, params, z, action):
    """The dynamics about z [B, D] and scaled actions [B, U]."""
    return self._apply(params, 'transition', (z, action))

  def scaled(self, action):
    """Actions as the networks see them, in [-1, 1]."""
    return action / self.config.action_limit


def planner(config: Any, networks: Networks):
  """Plans by iLQR in the space of codes.

  Args:
    config: see `Networks`; also linearisation and the fields 'plan_...'.
    networks: whose means of the transition are the dynamics.

  Returns:
    `(params, key, z [D], goal [D], previous [T, A]) -> actions [T, A]`.
  """
  cost = ilqr.diagonal(
    config.num_latents,
    config.action_size,
    config.plan_state_weight,
    config.plan_action_weight,
  )

  def plan(params, key, z, goal, previous):
    def about(z, action):
      scaled = networks.scaled(action)
      linear = networks.linear(params, z[None], scaled[None])
      return jax.tree.map(lambda x: x[0], linear), scaled

    def dynamics(z, action):
      linear, scaled = about(z, action)
      return linear.forward(z, scaled)

    def amortised(z, action):
      linear, _ = about(z, action)
      a = jnp.eye(len(z)) + jnp.outer(linear.v, linear.r)
      return a, linear.b / config.action_limit

    found = ilqr.best_of(
      dynamics,
      key,
      z,
      previous,
      goal,
      cost,
      starts=config.plan_starts,
      limit=config.action_limit,
      iterations=config.plan_iterations,
      linearise=amortised if config.linearisation == 'amortised' else None,
    )
    return found.actions

  return plan
