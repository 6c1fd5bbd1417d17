"""Arrays of a wrong shape or kind are refused at the door, not broadcast.

The table has at least one call for every public function that takes arrays;
each would otherwise run and give a number, or fail far inside.
"""

import inspect
import pkgutil

import jax
import jax.numpy as jnp
import pytest

from disentangle_jax import ops
from disentangle_jax.ops import (
  activations,
  adversarial,
  averages,
  axis,
  bleu,
  boosted,
  cem,
  class_pairs,
  concrete,
  covariance,
  discrete,
  elbo_decomposition,
  f_distribution,
  forest,
  gaussian,
  groups,
  ilqr,
  importance,
  kraskov,
  laplace,
  lasso,
  lbfgs,
  likelihood,
  linalg,
  logistic,
  mechanisms,
  mmd,
  neighbors,
  noise,
  patches,
  per_example,
  poses,
  projection,
  quantise,
  rank_one,
  ranking,
  selectivity,
  supervision,
  support,
  svm,
  tokens,
  total_correlation,
  trees,
)

KEY = None  # a key is never reached
F = lambda *shape: jnp.zeros(shape)
I = lambda *shape: jnp.zeros(shape, jnp.int32)
B = lambda *shape: jnp.zeros(shape, bool)
judge = lambda x: jnp.sum(x, axis=1)
COST = ilqr.Cost(F(2, 2), F(1, 1), F(2, 2))

WRONG = [
  (mmd.kernel, (F(5, 2), F(5, 3), 1.0)),
  (mmd.kernel, (F(5), F(5), 1.0)),
  (mmd.squared, (F(5, 2), F(4, 2), 1.0)),
  (selectivity.log_gaussian, (F(5, 2), F(5, 3, 4), 1.0)),
  (selectivity.log_gaussian, (F(5, 2), F(5, 2), 1.0)),
  (selectivity.log_dot, (F(5, 2), F(5, 3, 4))),
  (selectivity.reward, (I(5, 2),)),
  (selectivity.by_coordinate, (I(5, 2),)),
  (selectivity.weights, (F(5, 2), F(5))),
  (selectivity.weights, (F(5, 2), F(5, 3))),
  (selectivity.surrogate, (F(5), F(5), F(5, 1), F(5))),
  (mmd.unbiased, (F(5, 2), F(4, 2), 1.0)),
  (mmd.witness, (F(5, 2), F(4, 2), F(3, 3), 1.0)),
  (bleu.lengths, (F(5, 2), 2)),
  (tokens.mask_of, (F(5, 2),)),
  (tokens.cut, (F(5, 2),)),
  (tokens.soft_mask, (I(5, 2, 3),)),
  (tokens.inputs, (F(5, 2),)),
  (tokens.nll, (F(5, 2, 3), I(5, 3))),
  (bleu.counts, (I(5, 2), I(4, 2), 2)),
  (bleu.of_counts, (bleu.Counts(I(3), I(4), I(), I()),)),
  (bleu.corpus, (I(5, 2), F(5, 2), 2)),
  (quantise.nearest, (F(5, 2), F(3, 4))),
  (cem.maximise, (KEY, judge, F(3), F(2))),
  (cem.maximise, (KEY, judge, F(3, 1), F(3, 1))),
  (poses.parts, (F(5, 8),)),
  (poses.rotate, (F(5, 3), F(5, 2))),
  (poses.move, (F(5, 9), F(5, 7))),
  (poses.seen_from, (F(5, 2), F())),
  (poses.pose_seen_from, (F(5, 7), F())),
  (projection.rays, (None, F(2), F())),
  (projection.span, (F(3), F(2), None)),
  (projection.depths, (F(5), F(4), 3)),
  (projection.read, (F(4, 4), F(5, 3))),
  (projection.read, (F(4, 4, 5), F(5, 3))),
  (projection.read, (F(4, 4, 4), F(5, 2))),
  (projection.composite, (F(5, 4), F(5, 3), 1.0)),
  (projection.composite, (I(5, 4), F(5, 4), 1.0)),
  (projection.local_view, (F(4, 4, 4), F(8), 3, 0.5, 0.5, 4)),
  (quantise.nearest, (F(5), F(3, 4))),
  (quantise.straight_through, (F(5, 2), F(2))),
  (quantise.used, (F(5, 2), 3)),
  (support.distances, (F(5, 2), support.Combinations(I(1, 2), I(4, 2, 2)))),
  (support.full_distance, (F(5), F(5, 1))),
  (mechanisms.shift, (F(4, 4), 1, 0)),
  (class_pairs.unit_length, (I(4, 2),)),
  (class_pairs.flat_pairs, (F(3), 2)),
  (class_pairs.flat_pairs, (B(3, 2), 2)),
  (class_pairs.mean_over, (F(3), B(3, 1))),
  (class_pairs.triplet_loss, (F(6, 4), B(6), 0.2)),
  (class_pairs.triplet_loss, (F(3, 2, 4), B(2), 0.2)),
  (f_distribution.log_probability, (F(5), F(5, 1), 2)),
  (groups.average, (F(5, 2), F(5, 1), 'gvae')),
  (groups.average, (F(5), F(5), 'gvae')),
  (ilqr.plan, (judge, F(2), F(5, 1), F(3), COST)),
  (ilqr.plan, (judge, F(2), F(5, 3), F(2), COST)),
  (ilqr.best_of, (judge, KEY, F(2), F(1), F(2), COST)),
  (ilqr.follow, (judge, judge, KEY, F(2, 1), F(5, 1), 3)),
  (ilqr.roll_out, (judge, F(1, 2), F(5, 1))),
  (ilqr.total, (F(5, 2), F(5, 1), F(2), COST)),
  (importance.mean_completeness, (F(5),)),
  (kraskov.mutual_information, (KEY, F(5, 2), F(4, 2))),
  (kraskov.mutual_information, (KEY, F(5), F(5, 1))),
  (kraskov.mutual_information, (KEY, I(5, 1), F(5, 1))),
  (laplace.cross_entropy, (F(5, 2), F(5), 1.0)),
  (laplace.entropy, (I(5),)),
  (laplace.kl, (F(5, 2), F(5), 1.0)),
  (supervision.cross_entropy, (F(5, 2), I(5, 1), (2, 2))),
  (supervision.cross_entropy, (F(5, 1), I(5, 1), (2, 2))),
  (supervision.squared_error, (F(5, 2), I(5, 1), F())),
  (supervision.embedding_error, (F(5, 2), I(5, 2), [F(3)], F())),
  (supervision.covariance_error, (F(5, 2), I(4, 2))),
  (activations.absolute_covariance, (F(5),)),
  (activations.absolute_mean, (F(5, 2, 2),)),
  (adversarial.critic_loss, (F(5), F())),
  (adversarial.critic_loss, (I(5), F(5))),
  (adversarial.non_saturating_generator_loss, (F(),)),
  (adversarial.saturating_generator_loss, (F(),)),
  (adversarial.wasserstein_critic_loss, (F(), F(5))),
  (adversarial.wasserstein_generator_loss, (F(),)),
  (adversarial.gradient_penalty, (judge, KEY, I(5), F(5, 2), F(5, 1))),
  (adversarial.gradient_penalty, (judge, KEY, I(1), F(5, 2), F(5, 2))),
  (adversarial.real_gradient_penalty, (judge, I(5, 2))),
  (adversarial.began_critic_loss, (F(5), F(5), F(5))),
  (adversarial.began_generator_loss, (F(5, 1),)),
  (adversarial.began_balance, (F(5), F(5), F(5), 0.5, 0.1)),
  (averages.ema, ({'w': F(3)}, {'w': F(3, 3)}, 0.5)),
  (averages.ema, (F(3), F(3), F(3))),
  (axis.mean, (F(),)),
  (axis.sum, (F(),)),
  (axis.gather, (F(),)),
  (axis.masked_mean, (F(5, 2), F(5))),
  (axis.masked_mean, (F(5, 2), B(2))),
  (axis.moments, (F(5),)),
  (boosted.fit, (KEY, F(5, 2), I(4, 1), F(3, 2), (2,))),
  (boosted.fit, (KEY, F(5, 2), I(5, 1), F(3, 1), (2,))),
  (boosted.fit, (KEY, F(5, 2), I(5, 1), F(3, 2), (2, 2))),
  (concrete.gumbel, (KEY, I(2, 2), (3,))),
  (concrete.sample, (F(5, 3), F(5, 1), 1.0)),
  (concrete.sample, (F(5, 3), F(5, 3), F(5))),
  (concrete.hard_sample, (F(5, 3), F(5))),
  (concrete.kl_to_uniform, (F(),)),
  (covariance.of_batch, (F(5),)),
  (covariance.of_samples, (F(5, 2), F(2))),
  (covariance.distance_from_identity, (F(3, 2),)),
  (discrete.bin_edges, (F(5), 4)),
  (discrete.histogram_bins, (I(5, 2), 4)),
  (discrete.one_hot, (I(5), 4)),
  (discrete.one_hot, (F(5, 1), 4)),
  (discrete.contingency, (I(5, 1), 2, I(4, 1), 2)),
  (discrete.mutual_information, (F(5),)),
  (discrete.entropy, (I(5),)),
  (elbo_decomposition.mixture_log_weights, (F(5, 5), 7)),
  (elbo_decomposition.estimate, (F(5, 2), F(5, 3), F(5, 3))),
  (elbo_decomposition.estimate, (F(5, 2), F(5, 2), F(2))),
  (elbo_decomposition.estimate, (F(5, 2), F(5, 2), F(5, 2), I(4))),
  (forest.tree, (KEY, I(5, 2), F(5, 1), F(5), 4, 1)),
  (forest.fit, (KEY, I(5, 2), F(4), B(5), 4, 1)),
  (forest.fit, (KEY, F(5, 2), F(5), B(5), 4, 1)),
  (gaussian.sample, (F(5, 2), F(2), F(5, 2))),
  (gaussian.kl_to_standard, (F(5, 2), F(5))),
  (gaussian.kl, (F(5, 2), F(5, 1), F(5, 2), F(5, 2))),
  (gaussian.kl, (F(5, 2), F(5, 2), F(3, 2), F(3, 2))),
  (gaussian.log_density, (F(5, 2), F(5, 3), F(5, 2))),
  (gaussian.log_density, (I(5, 2), F(5, 2), F(5, 2))),
  (importance.disentanglement, (F(5),)),
  (importance.disentanglement, (F(5, 2), B(5))),
  (importance.completeness, (I(5, 2),)),
  (lasso.descend, (F(2, 2), F(3, 1), 0.1, F(3, 1))),
  (lasso.descend, (F(3, 3), F(3, 1), F(2), F(3, 1))),
  (lasso.path, (F(3, 3), F(3, 2), F(4, 1))),
  (lasso.cross_validated, (F(9, 2), F(9))),
  (lasso.cross_validated, (F(9, 2), F(8, 1))),
  (lbfgs.minimize, (judge, F(3, 2), I(3), 4, 0.1)),
  (likelihood.bernoulli, (F(5, 4), F(5, 1))),
  (likelihood.squared_error, (F(5, 4), F(4))),
  (likelihood.gaussian, (F(5, 4), F(5, 4), F(5))),
  (likelihood.discretized_logistic, (F(5, 4), F(5, 4), F(5))),
  (linalg.eigh, (F(5),)),
  (linalg.eigh, (F(4, 3),)),
  (linalg.eigvalsh, (F(2, 4, 3),)),
  (linalg.qr, (F(5),)),
  (linalg.orthonormal, (F(5),)),
  (linalg.svd, (F(5),)),
  (linalg.slogdet, (F(4, 3),)),
  (linalg.cholesky, (F(4, 3),)),
  (linalg.solve_triangular, (F(3, 3), F(4))),
  (linalg.cho_solve, (F(3, 3), F(4, 1))),
  (linalg.solve, (F(3, 3), F(1))),
  (linalg.inv, (F(4, 3),)),
  (logistic.stack_one_hot, (I(5, 2), (3,))),
  (logistic.log_softmax, (F(5, 4), (2, 3))),
  (logistic.predict, (F(5, 6), (2, 3))),
  (logistic.fit, (F(5, 2), I(5), (3,))),
  (logistic.fit, (F(5, 2), I(4, 1), (3,))),
  (logistic.fit, (F(5, 2), I(5, 1), (3,), 1.0, F(4))),
  (neighbors.mutual_information, (KEY, F(5, 1), I(5), 2)),
  (neighbors.mutual_information, (KEY, F(5), F(5), 2)),
  (neighbors.dense_ranks, (F(5, 1),)),
  (noise.salt_and_pepper, (KEY, I(4), F(5, 8, 8, 1), 0.2)),
  (noise.rectangle, (KEY, I(4), F(5, 8, 8, 1), 0.5)),
  (patches.shuffle, (KEY, F(5, 8, 8, 1), 4)),
  (patches.shuffle, (KEY, F(8, 6, 1), 4)),
  (per_example.keys, (KEY, I())),
  (per_example.normal, (KEY, F(5), (2,))),
  (per_example.uniform, (KEY, I(5, 1), (2,))),
  (per_example.bernoulli, (KEY, I(5), F(4))),
  (per_example.integers, (KEY, I(), (2,), 0, 3)),
  (per_example.categorical, (KEY, I(5), F(1, 3))),
  (per_example.permutation, (KEY, I(), 3)),
  (rank_one.apply, (F(5, 2), F(2), F(5, 2))),
  (rank_one.determinant, (F(5), F(5, 1))),
  (rank_one.solve, (F(5, 2), F(5, 2), F(5, 1))),
  (ranking.sortable, (I(5),)),
  (ranking.unsortable, (F(5),)),
  (ranking.average_ranks, (F(),)),
  (ranking.auc, (F(5), B(1))),
  (ranking.auc, (F(5), F(5))),
  (ranking.spearman, (F(5), F(5))),
  (ranking.spearman, (F(5, 2), F(4, 2))),
  (svm.fit, (F(5, 2), I(5, 1), 2, 1.0)),
  (svm.apply_features, ((F(3, 4), F(4)), F(5, 2))),
  (svm.fit_feature, (F(5, 1), I(5, 1), (2,), 1.0)),
  (svm.fit_feature, (F(5), I(5, 2), (2,), 1.0)),
  (total_correlation.pairwise_log_density, (F(5, 2), F(4, 2), F(4, 1))),
  (total_correlation.mss_log_weights, (F(5), 5, 9)),
  (total_correlation.aggregate, (F(5, 4, 2), F(4, 5))),
  (total_correlation.decompose, (F(5, 2), F(4, 2), F(4, 2), F(5, 4))),
  (total_correlation.permute_dims, (KEY, F(5, 2), I(4))),
  (total_correlation.density_ratio, (F(5, 3),)),
  (trees.class_cuts, (F(5, 2), I(5, 1), 2, 3, 2)),
  (trees.below_cuts, (F(5, 2), F(3, 4))),
  (trees.boost, (KEY, F(6, 5), I(4), 2, F(6, 3), 2)),
  (trees.boost, (KEY, F(6, 5), I(5), 2, F(4, 3), 2)),
  (trees.boost, (KEY, F(6, 5), I(5), 2, F(6, 3), 4)),
  (trees.break_ties, (F(4, 3, 7, 2), F(4, 7, 2))),
]
# They take no array whose shape could be wrong, or any shape.
FREE = {
  'axis.is_split',
  'axis.like',
  'f_distribution.coefficients',
  'ilqr.diagonal',
  'logistic.segments',
  'mechanisms.by_number',
  'projection.along_rays',
  'projection.values_along',
  'supervision.num_train',
  'supervision.observed',
  'support.draw',
  'svm.linear_accuracy',
  'svm.random_features',
  'total_correlation.mws_log_weights',
}


def _name(function):
  return f'{function.__module__.rsplit(".", 1)[-1]}.{function.__name__}'


@pytest.mark.parametrize(
  'function, arguments', WRONG, ids=[_name(function) for function, _ in WRONG]
)
def test_arrays_that_do_not_fit_are_refused(function, arguments):
  with pytest.raises(AssertionError):
    function(*arguments)


def test_they_are_refused_when_traced():
  with pytest.raises(AssertionError):
    jax.jit(gaussian.kl_to_standard)(F(5, 2), F(2))
  with pytest.raises(AssertionError):
    jax.vmap(covariance.of_batch)(F(3, 5))


def test_every_public_function_is_in_the_table():
  public = set()
  for module in pkgutil.iter_modules(ops.__path__):
    members = vars(getattr(ops, module.name)).items()
    public |= {
      f'{module.name}.{name}'
      for name, member in members
      if callable(member)
      and not inspect.isclass(member)
      and not name.startswith('_')
      and getattr(member, '__module__', '') == f'{ops.__name__}.{module.name}'
    }
  assert public == {_name(function) for function, _ in WRONG} | FREE
