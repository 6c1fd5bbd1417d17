"""Second observations that share factors, or an identity, with the first."""

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, requests, types
from disentangle_jax.data import conditional, resample
from disentangle_jax.data.draws import common
from disentangle_jax.ops import per_example

TRANSITIONS = ('uniform', 'laplace')


def pair(dataset: types.Dataset, request: requests.Pair) -> common.Draw:
  """A second observation that shares all but some factors with the first.

  'uniform': Locatello et al. 2020, "Weakly-supervised disentanglement without
  compromises": which factors differ is drawn for each pair among those with
  more than one value, and their values differ wherever the distribution allows
  another. 'laplace': `resample.laplace`. 'pair_changed' says which factors do
  differ.
  """
  common.need_grid(dataset, request)
  free = np.asarray(dataset.factor_sizes) > 1
  free[common.columns(dataset, request, 'fixed', request.fixed)] = False
  if not free.any():
    rule = f'leaves no factor of {dataset.name} that can change'
    raise errors.value(common.of(request, 'fixed'), request.fixed, rule)
  if request.transition not in TRANSITIONS:
    where = common.of(request, 'transition')
    raise errors.choices(where, request.transition, TRANSITIONS)
  if request.transition == 'laplace':
    common.positive(request, 'rate')
    second_of = resample.laplace(dataset, request.rate, free)
  else:
    second_of = _some_changed(dataset, request, free)

  def draw(key, arrays, index, batch):
    key = common.key_of(key, request)
    keys = per_example.keys(key, index)
    second = jax.vmap(second_of)(keys, batch['factors'])
    render_key = jax.random.fold_in(key, 1)
    return {
      'pair': common.render(dataset, render_key, arrays, index, second),
      'pair_factors': second,
      'pair_changed': second != batch['factors'],
    }

  return draw


def _some_changed(dataset, request, free):
  """`(key, factors [K]) -> factors [K]` with a number of them redrawn."""
  places = np.flatnonzero(free)
  count, changes = len(places), request.changes
  if type(changes) is not int or not 0 <= changes <= count:
    rule = f'must be from 1 to {count}, the factors that can change, or 0'
    raise errors.value(common.of(request, 'changes'), changes, rule)
  if changes == 0 and count < 2:
    rule = f'needs two factors that can change, {dataset.name} has {count}'
    raise errors.value(common.of(request, 'changes'), changes, rule)
  again = resample.make(dataset, differ=True)

  def second(key, first):
    which_key, value_key, *rest = jax.random.split(key, 2 if changes else 3)
    number = changes
    if not changes:
      number = jax.random.randint(rest[0], (), 1, count)
    rank = jax.random.permutation(which_key, count)
    chosen = jnp.zeros(len(free), bool).at[places].set(rank < number)
    return again(value_key, first, chosen)

  return second


def identity_pair(
  dataset: types.Dataset, request: requests.IdentityPair
) -> common.Draw:
  """A second observation of the same identity, all else drawn anew.

  Donahue et al. 2018, "Semantically decomposing the latent spaces of generative
  adversarial networks". Of a stream, any row with the same identity, the first
  one included.
  """
  columns = common.identity_columns(dataset, request)
  if dataset.render is None:
    return _identity_pair_of_rows(dataset, request, columns)
  free = np.ones(len(dataset.factor_names), bool)
  free[columns] = False
  again = resample.make(dataset, differ=False)

  def draw(key, arrays, index, batch):
    key = common.key_of(key, request)
    keys = per_example.keys(key, index)
    second = jax.vmap(again, (0, 0, None))(
      keys, batch['factors'], jnp.asarray(free)
    )
    render_key = jax.random.fold_in(key, 1)
    return {
      'identity_pair': common.render(
        dataset, render_key, arrays, index, second
      ),
      'identity_pair_factors': second,
    }

  return draw


def _identity_pair_of_rows(dataset, request, columns):
  rows = conditional.given(dataset, columns, common.asks(request))

  def draw(key, arrays, index, batch):
    key = common.key_of(key, request)
    number = rows.number(batch['factors'])
    second = rows.draw(key, arrays, index, number)
    return {
      'identity_pair': second['observation'],
      'identity_pair_factors': second['factors'],
    }

  return draw
