"""Batches with a structure: one kind of factor varies, or few identities."""

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, requests, types
from disentangle_jax.data import conditional, resample
from disentangle_jax.data.draws import common
from disentangle_jax.ops import per_example


def varying(dataset: types.Dataset, request: requests.Varying) -> common.Draw:
  """A batch in which one factor, or one set of factors, varies.

  Kulkarni et al. 2015, "Deep convolutional inverse graphics network": all rows
  share a base that the key alone fixes; the kind that varies is drawn for the
  batch with the given weights.
  """
  common.need_grid(dataset, request)
  kinds = request.kinds
  if kinds is None:
    kinds = tuple((name,) for name in dataset.factor_names)
  vary = np.zeros((len(kinds), len(dataset.factor_names)), bool)
  for row, names in enumerate(kinds):
    vary[row, common.columns(dataset, request, 'kinds', names)] = True
  if not kinds or not vary.any(1).all():
    rule = 'must be tuples of factor names, none of them empty'
    raise errors.value(common.of(request, 'kinds'), kinds, rule)
  given = (1.0,) * len(kinds) if request.weights is None else request.weights
  weights = np.asarray(given, float)
  if (
    weights.shape != (len(kinds),)
    or not ((weights > 0) & np.isfinite(weights)).all()
  ):
    rule = f'must be {len(kinds)} numbers > 0, one per kind'
    raise errors.value(common.of(request, 'weights'), request.weights, rule)
  logits = jnp.log(jnp.asarray(weights / weights.sum(), jnp.float32))
  again = resample.make(dataset, differ=False)

  def draw(key, arrays, index, batch):
    del batch
    key = common.key_of(key, request)
    base_key, kind_key, value_key, render_key = jax.random.split(key, 4)
    # An example of this very batch: `sample` serves all sets, also over a mesh.
    base = dataset.sample(base_key, arrays, jnp.zeros_like(index))['factors']
    kind = jax.random.categorical(kind_key, logits)
    mask = jnp.asarray(vary)[kind]
    keys = per_example.keys(value_key, index)
    factors = jax.vmap(again, (0, 0, None))(keys, base, mask)
    return {
      'group': common.render(dataset, render_key, arrays, index, factors),
      'group_factors': factors,
      'group_kind': jnp.full(index.shape, kind, jnp.int32),
    }

  return draw


def identity_group(
  dataset: types.Dataset, request: requests.IdentityGroup
) -> common.Draw:
  """Distinct identities, several rows of each.

  Identities are drawn one after the other, without replacement, by their
  probability among the rest (Gumbel top-k: Kool et al. 2019, "Stochastic beams
  and where to find them"); an identity that the distribution of factors leaves
  out never comes. The key alone decides which; what else a row shows is drawn
  from its exact conditional, by (key, index) of the row.
  """
  columns = common.identity_columns(dataset, request)
  common.integer(request, 'identities', 1)
  common.integer(request, 'per_identity', 1)
  given = conditional.given(dataset, columns, common.asks(request))
  present = int((given.share > 0).sum())
  if request.identities > present:
    rule = f'{dataset.name} has {present} identities'
    where = common.of(request, 'identities')
    raise errors.value(where, request.identities, rule)
  with np.errstate(divide='ignore'):
    logits = np.log(given.share).astype(np.float32)

  def draw(key, arrays, index, batch):
    del batch
    which_key, row_key = jax.random.split(common.key_of(key, request))
    noise = jax.random.gumbel(which_key, logits.shape)
    _, chosen = jax.lax.top_k(logits + noise, request.identities)
    number = index // request.per_identity % request.identities
    rows = given.draw(row_key, arrays, index, chosen[number])
    return {
      'identity_group': rows['observation'],
      'identity_group_factors': rows['factors'],
      'identity_number': number,
    }

  return draw
