"""What every score ought to do under every transform, written before the run.

Derived from the definitions in the metrics' docstrings. A word is about the two
ends of a transform: from none of it to most of it, from few rows or bins to
many.
"""

WORDS = {'=': 'invariant', 'v': 'falls', '^': 'rises', '-': '-', '.': ''}

# '=' invariant, 'v' falls, '^' rises, '-' nothing is claimed, '.' no such
# constant; columns as below.
_COLUMNS = (
  'noise',
  'rotation',
  'spreading',
  'merging',
  'monotone',
  'folded',
  'dead_codes',
  'noise_codes',
  'rare_levels',
  'dependence',
  'rows',
  'bins',
)
_TABLE = """
mig_binned                           v v v v = v = = = v ^ -
mig_posterior                        v v v v = v = = v v - .
factor_vae_score                     v v = v = = = = = = = .
factor_vae_active                    = = ^ v = = = ^ = = = .
beta_vae_score                       v v = v = = = = = = = .
beta_vae_score_changed               v v = v = v = = = = - .
sap                                  v v v v - v = = - v - .
modularity                           v v = v = = v v = v ^ v
explicitness                         v = = v = v = = = = ^ .
irs                                  v v = v = = = v = = - =
irs_active                           = = ^ = = = = ^ = = = =
dci_disentanglement_gbt              v v = v = v = = = = ^ .
dci_completeness_gbt                 v v v - = v = = = = ^ .
dci_informativeness_gbt              v v = v = v = = = = ^ .
dci_disentanglement_lasso            v v = v = - = = = = ^ .
dci_completeness_lasso               v v v - = - = = = = ^ .
dci_nrmse_lasso                      ^ = = ^ ^ ^ = = = = - .
dci_disentanglement_forest           v v = v = v = = = = ^ -
dci_completeness_forest              v v v - = v = = = = ^ -
dci_nrmse_forest                     ^ ^ = ^ = ^ = = = = v -
infomec_modularity                   v v = v = = = v = v - .
infomec_explicitness                 v = = v = v = = = = v .
infomec_compactness                  v v v - = = = = = v - .
downstream_logistic_100              v = = v - v = v - = = .
downstream_logistic_10               v = - v - v = v - - = .
downstream_gbt_100                   v v = v = v = - - = = .
downstream_gbt_10                    v - - v = v = - - - = .
unfairness                           - - = ^ = = = = - ^ - .
unfairness_max                       - - = ^ = = = = - ^ - .
single_code_auc                      v v = v = = = = ^ = v .
single_code_auc_median               v v = v = ^ = = ^ = - .
single_code_auc_share                v v = v = v = = ^ = - .
retrieval                            v = = v = v = v = - ^ .
verification_auc                     v = ^ v v v = v - ^ = .
gaussian_total_correlation           = = ^ = = = = = = ^ = =
gaussian_wasserstein_correlation     = = ^ = = = = = = ^ = =
gaussian_wasserstein_correlation_norm = = ^ = = = = = = ^ = =
mutual_info_score                    ^ ^ ^ - = = = ^ = ^ v ^
mapc                                 = = ^ = = = = = = ^ v .
cvr                                  = = ^ = = = = ^ = ^ v .
tdv                                  = = v = = = = v = = = .
ud90                                 = = ^ v = = = ^ = = = .
active_units                         = = ^ v = = = = = = = .
active_units_kl                      = = ^ = = = = = = = = .
frobenius_degree                     v = ^ v = = = = v ^ = .
aggregate_kl                         = = ^ ^ = = = = ^ ^ v .
aggregate_frechet                    = = ^ ^ = = = = ^ ^ - .
elbo/index_code_mi                   v = = v = v = = - - - .
elbo/total_correlation               = ^ ^ - = = = = - ^ - .
elbo/dimension_wise_kl               v - ^ - - - = = ^ = - .
mig_sup                              v v = v v v = v = v ^ -
jemmig                               v v v v v v = = - v - -
dcimig                               v v = v v v = = = v ^ -
mcc                                  v v = v v v = = = = = .
mcc_spearman                         v v = v = v = = = = = .
factorized_support                   ^ ^ ^ ^ = = = ^ ^ ^ v .
pair_entanglement                    ^ ^ = ^ = ^ = = = = v =
assigned_variance                    v v = v = = = = = = = .
assigned_rank                        v v = v = v = = = = = .
"""

# Why, where the definition does not say it at a glance.
REASONS = {
  ('mig_binned', 'rows'): (
    'the plug-in bias is largest for the codes without information, so that'
    ' few rows narrow the gap'
  ),
  ('mig_binned', 'rare_levels'): 'divided by the entropy that the factor has',
  ('mig_posterior', 'rare_levels'): (
    'divided by the log of the size, which a factor with a rare level no longer'
    ' has as its entropy'
  ),
  ('factor_vae_score', 'rotation'): (
    'at 45 degrees two factors have the same votes: (1 + 1/2 + 1/2) / 3'
  ),
  ('factor_vae_score', 'folded'): 'a function of the factor does not vary',
  ('factor_vae_active', 'merging'): 'a code of noise of 0.03 is below 0.05',
  ('beta_vae_score_changed', 'folded'): (
    'a change between two levels with one image cannot be seen'
  ),
  ('modularity', 'dead_codes'): 'a constant code counts as 0',
  ('modularity', 'noise_codes'): 'scored by the bias of the estimator',
  ('modularity', 'bins'): 'the bias of the other factors grows with the bins',
  ('irs', 'noise_codes'): 'noise codes have about 0.4 and enter the mean',
  ('irs', 'bins'): 'bins of factors; five levels need five',
  ('dci_disentanglement_gbt', 'folded'): (
    'where the sign is lost, trees split on codes of other factors by chance'
  ),
  ('dci_informativeness_gbt', 'rotation'): 'trees split along axes',
  ('dci_nrmse_lasso', 'monotone'): 'a cube is not linear',
  ('dci_disentanglement_gbt', 'dependence'): (
    'the own code says all, so that trees need no other'
  ),
  ('infomec_explicitness', 'rows'): (
    'fitted to and scored on the same rows, without penalty'
  ),
  ('single_code_auc', 'folded'): (
    'exactly: extremes 1, 1 become 7/8 each, their neighbours 3/4 become 5/8,'
    ' the centre 1/2 becomes 1; the mean stays 0.8'
  ),
  ('single_code_auc', 'rare_levels'): (
    'exactly in the limit: (1 + 1 + 2/3 + 2/3 + 1) / 5 = 0.87 after 0.8'
  ),
  ('single_code_auc', 'rows'): 'the best of several codes is best by chance',
  ('single_code_auc_median', 'folded'): (
    'exactly: areas of 7/8 (twice), 5/8 (twice) and 1 in the place of 1, 3/4'
    ' and 1/2'
  ),
  ('single_code_auc_median', 'rare_levels'): (
    'three of five areas are 1 in the limit'
  ),
  ('single_code_auc_share', 'folded'): 'the centre alone: 1/5 after 2/5',
  ('single_code_auc_share', 'rare_levels'): '3/5 after 2/5 in the limit',
  ('retrieval', 'spreading'): 'a row of the same levels is nearest all along',
  ('retrieval', 'monotone'): 'levels keep apart by more than the noise',
  ('retrieval', 'rare_levels'): (
    'rows alone with their levels, under 1 %, are all that is lost'
  ),
  ('retrieval', 'rows'): 'nearer neighbours among more rows',
  ('verification_auc', 'monotone'): (
    'three levels come near each other, while mates stay as far apart'
  ),
  ('verification_auc', 'dependence'): 'mates agree in the second factor, too',
  ('gaussian_total_correlation', 'merging'): (
    'rises on the way; at the end the second code is noise'
  ),
  ('mutual_info_score', 'noise'): (
    'independent throughout, but noise fills more cells: bias about'
    ' (bins - 1)^2 / (2 rows) nats'
  ),
  ('mutual_info_score', 'rotation'): 'sums and differences share a parity',
  ('cvr', 'noise_codes'): 'sums D (D - 1) covariances of the sample',
  ('tdv', 'spreading'): 'three of six equal variances',
  ('active_units', 'noise_codes'): 'reads the mean, which stays at 0',
  ('active_units_kl', 'merging'): (
    'a narrow posterior that never moves is far from the prior'
  ),
  ('frobenius_degree', 'noise'): (
    'the posterior covariance comes near that of the sample'
  ),
  ('elbo/total_correlation', 'rotation'): 'as for mutual_info_score',
  ('mcc', 'rotation'): 'at 45 degrees (1 + 2 cos 45) / 3 = 0.80',
  ('mcc', 'merging'): (
    'the sum goes to one factor, 0.71, and the other is left with a code of'
    ' noise: (1 + 0.71) / 3 = 0.57'
  ),
  ('mcc', 'monotone'): 'exactly: a cube of five levels correlates 0.94',
  ('mcc', 'folded'): 'an even function of a symmetric factor correlates 0',
  ('mcc_spearman', 'rare_levels'): (
    'a clean code has no ties where the factor has: sqrt(1 - sum p^3), from'
    ' 0.98 to 0.97'
  ),
  ('mig_sup', 'spreading'): 'copies inform about one factor each, too',
  ('mig_sup', 'monotone'): (
    'as was measured for mig_binned: levels near the centre share a bin of'
    ' equal width'
  ),
  ('mig_sup', 'noise_codes'): 'noise codes are active and have no gap',
  ('assigned_variance', 'folded'): (
    'any function of the factor lies between its values'
  ),
  ('assigned_variance', 'spreading'): 'copies are assigned to nothing',
  (
    'assigned_variance',
    'rows',
  ): 'by chance (V - 1) / (N - 1), 0.01 at 100 rows',
  ('assigned_rank', 'monotone'): 'reads the order alone',
  ('assigned_rank', 'rare_levels'): (
    'ties of the levels: sqrt(1 - sum p^3), from 0.98 to 0.97'
  ),
  ('factorized_support', 'noise'): (
    'tails leave empty corners in the product of the supports'
  ),
  ('factorized_support', 'rare_levels'): 'combinations of rare levels lack',
  ('factorized_support', 'rows'): 'batches grow with the rows up to 256',
}


def table() -> dict[str, dict[str, str]]:
  """Score -> transform -> 'invariant', 'falls', 'rises', '-' or ''."""
  lines = [line.split() for line in _TABLE.strip().splitlines()]
  return {
    score: {name: WORDS[mark] for name, mark in zip(_COLUMNS, marks)}
    for score, *marks in lines
  }
