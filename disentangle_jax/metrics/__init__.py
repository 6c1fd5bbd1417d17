"""Disentanglement metrics: `METRICS`, `resolve`, `evaluate`, `describe`."""

from collections.abc import Iterable, Mapping

import numpy as np

from disentangle_jax.metrics import arrays, catalogue, resampling
from disentangle_jax.metrics.codes import (
  active_units,
  active_units_kl,
  aggregate_posterior,
  assigned_codes,
  beta_vae_score,
  beta_vae_score_changed,
  clustering_accuracy,
  dci_forest,
  dci_gbt,
  dci_lasso,
  dcimig,
  downstream_gbt,
  downstream_logistic,
  elbo,
  explicitness,
  factor_vae_score,
  factorized_support,
  fairness,
  frobenius_degree,
  independence,
  infomec,
  irs,
  jemmig,
  linear_correlation,
  mcc,
  mig_binned,
  mig_posterior,
  mig_sup,
  modularity,
  pair_entanglement,
  retrieval,
  sap,
  single_code_auc,
  udr,
  z_max_variance,
)
from disentangle_jax.metrics.models import (
  action_effects,
  attack,
  class_variance,
  classifier_gap,
  code_probe,
  code_traversal,
  concepts,
  content_distance,
  dci_gap,
  decoder_perplexity,
  digit_svm,
  few_labels,
  field_mcc,
  grasp_accuracy,
  grasp_plan,
  grasp_shape,
  independent_prediction,
  kl,
  label_by_group,
  label_error,
  layer_correlation,
  planning,
  policy_information,
  policy_prediction,
  prototype_clustering,
  reconstruction,
  reconstruction_by_part,
  sample_quality,
  scene_objects,
  sentence_arithmetic,
  specialisation,
  swap,
  text_samples,
  text_transfer,
  verification,
  zero_shot_return,
)

Interval = resampling.Interval

METRICS = {
  'mig_binned': mig_binned,
  'mig_posterior': mig_posterior,
  'mig_sup': mig_sup,
  'jemmig': jemmig,
  'dcimig': dcimig,
  'mcc': mcc,
  'field_mcc': field_mcc,
  'factor_vae_score': factor_vae_score,
  'z_max_variance': z_max_variance,
  'beta_vae_score': beta_vae_score,
  'beta_vae_score_changed': beta_vae_score_changed,
  'sap': sap,
  'modularity': modularity,
  'explicitness': explicitness,
  'irs': irs,
  'dci_gbt': dci_gbt,
  'dci_lasso': dci_lasso,
  'dci_forest': dci_forest,
  'infomec': infomec,
  'udr': udr,
  'downstream_logistic': downstream_logistic,
  'downstream_gbt': downstream_gbt,
  'fairness': fairness,
  'pair_entanglement': pair_entanglement,
  'assigned_codes': assigned_codes,
  'single_code_auc': single_code_auc,
  'retrieval': retrieval,
  'independence': independence,
  'factorized_support': factorized_support,
  'linear_correlation': linear_correlation,
  'layer_correlation': layer_correlation,
  'active_units': active_units,
  'active_units_kl': active_units_kl,
  'frobenius_degree': frobenius_degree,
  'aggregate_posterior': aggregate_posterior,
  'clustering_accuracy': clustering_accuracy,
  'reconstruction': reconstruction,
  'reconstruction_by_part': reconstruction_by_part,
  'kl': kl,
  'elbo': elbo,
  'attack': attack,
  'digit_svm': digit_svm,
  'label_error': label_error,
  'class_variance': class_variance,
  'few_labels': few_labels,
  'swap': swap,
  'sample_quality': sample_quality,
  'verification': verification,
  'zero_shot_return': zero_shot_return,
  'dci_gap': dci_gap,
  'specialisation': specialisation,
  'label_by_group': label_by_group,
  'scene_objects': scene_objects,
  'independent_prediction': independent_prediction,
  'grasp_accuracy': grasp_accuracy,
  'grasp_shape': grasp_shape,
  'grasp_plan': grasp_plan,
  'planning': planning,
  'content_distance': content_distance,
  'action_effects': action_effects,
  'policy_information': policy_information,
  'policy_prediction': policy_prediction,
  'concepts': concepts,
  'text_transfer': text_transfer,
  'text_samples': text_samples,
  'code_probe': code_probe,
  'classifier_gap': classifier_gap,
  'code_traversal': code_traversal,
  'prototype_clustering': prototype_clustering,
  'sentence_arithmetic': sentence_arithmetic,
  'decoder_perplexity': decoder_perplexity,
}

# Names for several modules or scores at once.
FAMILIES = {
  'dci': ('dci_gbt', 'dci_lasso', 'dci_forest'),
  'unsupervised': ('independence', 'active_units', 'active_units_kl'),
}


def resolve(
  names: Iterable[str] | str, field: str = 'config.metrics'
) -> dict[str, tuple[str, ...]]:
  """Which scores of which modules a list of names asks for.

  Args:
    names: module names ('dci_gbt'), family names ('dci') or single scores
      ('dci_completeness_gbt').
    field: dotted name of the setting, for the error.

  Returns:
    module name -> wanted score names; modules in the order asked for.

  Raises:
    ConfigError: a name is none of these.
  """
  return catalogue.resolve(METRICS, FAMILIES, arrays.names(names), field)


def describe() -> tuple[catalogue.Description, ...]:
  """What every score is: definition, direction, range, constants, source."""
  return catalogue.describe(METRICS)


def evaluate(
  codes: np.ndarray,
  factors: np.ndarray,
  metrics: Iterable[str] | str = ('mig_binned',),
  seed: int = 0,
  test_codes: np.ndarray | None = None,
  test_factors: np.ndarray | None = None,
  *,
  parts: Mapping[str, np.ndarray] | None = None,
  test_parts: Mapping[str, np.ndarray] | None = None,
  continuous: bool = False,
  resamples: int = 0,
  confidence: float = 0.95,
) -> dict[str, float] | dict[str, Interval]:
  """Scores codes and factors from anywhere.

  Every row given is used. Metrics with a test set take the test rows, or put
  every third row aside (drawn by `seed`) when there are none. Metrics that
  compare points with a factor held or changed draw them with replacement among
  the rows, for training among those given for it and for testing among the test
  rows, or else both among all rows.

  Args:
    codes: [N, D] of any numeric dtype, from NumPy, pandas, torch or jax; for
      `udr` [S, N, D], one representation per seed.
    factors: [N, K], numbers or text; the distinct values of a column are its
      levels, text in the order of a person ('2' before '10').
    metrics: names as `resolve` takes them.
    seed: for splits, draws and random metrics.
    test_codes: float [M, D], rows kept for testing.
    test_factors: [M, K].
    parts: more arrays that a metric reads, e.g. {'mean', 'logvar'} [N, D].
    test_parts: the same for the test rows.
    continuous: whether factors are real numbers; only metrics whose definition
      allows them are then accepted.
    resamples: 0, or at least 20: how often the rows are resampled for an
      interval (200 are enough for 95 %). Each costs one more run of the metric.
    confidence: in (0, 1), nominal coverage of the intervals.

  Returns:
    {score name: float}; NaN with a warning when codes are NaN or infinite. For
    `udr` the values are float [S]. With resamples {score name: Interval(value,
    low, high)}: the score of all rows, and an interval over rows (how it comes
    about per metric: docs/metrics.md; `udr` has none, NaN).

  Raises:
    ConfigError: shapes do not match, a name is unknown, a factor is missing
      somewhere or looks continuous, the rows (or, with resamples, half of them)
      cannot supply the points that a metric needs, or `resamples` or
      `confidence` is out of range.
  """
  resampling.check(resamples, confidence)
  wanted = resolve(metrics, 'metrics')
  rows = arrays.read(
    codes, factors, test_codes, test_factors, parts, test_parts, continuous
  )
  return arrays.evaluate(
    METRICS, wanted, rows, seed, continuous, resamples, confidence
  )
