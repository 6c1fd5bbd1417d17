"""Metrics against plain NumPy, SciPy and scikit-learn on the same arrays."""

import kinds
import numpy as np
import pytest
from scipy import integrate, linalg, special, stats
from sklearn import ensemble, feature_selection, linear_model, svm
from sklearn import metrics as sklearn_metrics

SOME = ('noisy', 'rotated', 'noise')


def _arrays(name, kind):
  factors = kinds.design(name)
  return kinds.codes_of(factors, kind).astype(float), factors


def _halves(name, kind):
  codes, factors = _arrays(name, kind)
  n = kinds.small_config(name).num_train
  return codes[:n], factors[:n], codes[n:], factors[n:]


def _got(key, kind, name=None):
  return kinds.scores(name or key)[key][kind]


def _standardize(x, like):
  deviation = like.std(axis=0)
  return (x - like.mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1)


def _bins(column, num_bins=20):
  # The codes are float32 numbers, the edges of their bins are not.
  column = np.asarray(column, np.float32).astype(float)
  return np.digitize(column, np.histogram(column, num_bins)[1][:-1])


def _information(codes, factors):
  return np.array(
    [
      [sklearn_metrics.mutual_info_score(_bins(z), f) for f in factors.T]
      for z in codes.T
    ]
  )


def _gap(matrix):
  ordered = np.sort(matrix, axis=0)
  return ordered[-1] - ordered[-2]


@pytest.mark.parametrize('kind', SOME)
def test_mig_binned(kind):
  codes, factors = _arrays('mig_binned', kind)
  entropy = [sklearn_metrics.mutual_info_score(f, f) for f in factors.T]
  want = np.mean(_gap(_information(codes, factors)) / entropy)
  assert _got('mig_binned', kind) == pytest.approx(want, abs=1e-5)


def _entropy(labels):
  return stats.entropy(np.unique(labels, return_counts=True)[1])


@pytest.mark.parametrize('kind', (*SOME, 'duplicated', 'partial'))
def test_scores_of_the_information_matrix(kind):
  codes, factors = _arrays('jemmig', kind)
  information = _information(codes, factors)
  entropy = np.array([_entropy(f) for f in factors.T])
  # Joint entropies from the table of pairs.
  shortfalls = []
  for k in range(3):
    second, best = np.argsort(information[:, k], kind='stable')[-2:]
    pairs = np.stack([_bins(codes[:, best]), factors[:, k]], axis=1)
    counts = np.unique(pairs, axis=0, return_counts=True)[1]
    joint = stats.entropy(counts)
    gap = information[best, k] - information[second, k]
    shortfalls.append((joint - gap) / (entropy[k] + np.log(20)))
  want = 1 - np.mean(shortfalls)
  assert _got('jemmig', kind) == pytest.approx(want, abs=1e-4)

  ordered = np.sort(information / entropy, axis=1)
  active = np.ptp(codes, axis=0) > 0
  want = np.mean((ordered[:, -1] - ordered[:, -2])[active])
  assert _got('mig_sup', kind) == pytest.approx(want, abs=1e-4)

  credit = np.zeros(3)
  for row in information:
    k = np.argmax(row)
    credit[k] = max(credit[k], row[k] - np.sort(row)[-2])
  want = credit.sum() / entropy.sum()
  assert _got('dcimig', kind) == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize('kind', (*SOME, 'duplicated'))
def test_factorized_support(kind):
  codes, _ = _arrays('factorized_support', kind)
  z = _standardize(codes, codes)
  z = z[:, np.ptp(z, axis=0) > 0]
  distances = []
  for batch in z.reshape(10, 60, -1):
    for i in range(z.shape[1]):
      for j in range(i):
        a, b = batch[:, i], batch[:, j]
        square = (a[:, None, None] - a) ** 2 + (b[:, None] - b) ** 2
        distances.append(square.min(axis=-1).max())
  want = np.mean(distances)
  assert _got('factorized_support', kind) == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize('kind', (*SOME, 'partial'))
def test_z_max_variance(kind):
  codes, _ = _arrays('z_max_variance', kind)
  config = kinds.small_config('z_max_variance')
  free = -(-config.num_variance // config.batch_size)
  points = codes[:free].reshape(-1, 5)[: config.num_variance]
  variance = points.var(axis=0, ddof=1)
  active = np.sqrt(variance) >= config.threshold
  factor = kinds.arrangement('z_max_variance').factor
  local = codes[free:].var(axis=1, ddof=1) / np.where(active, variance, 1)
  if kind == 'partial':
    # Codes that all stay share the vote; here they take turns.
    ties = np.all(local[:, active] < 1e-12, axis=1)
    turns = np.arange(ties.sum())
    local[ties, np.flatnonzero(active)[turns % active.sum()]] = 1
  want = _majority(-local, factor, active, config.num_train)
  assert _got('z_max_variance', kind) == pytest.approx(want, abs=0.015)


@pytest.mark.parametrize('kind', SOME)
def test_modularity(kind):
  codes, factors = _arrays('modularity', kind)
  squared = _information(codes, factors) ** 2
  best = squared.max(axis=1)
  spill = (squared.sum(axis=1) - best) / (2 * np.where(best > 0, best, 1))
  want = np.mean(np.where(best > 1e-12, 1 - spill, 0))
  assert _got('modularity', kind) == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize('kind', SOME)
def test_sap(kind):
  codes, factors, test_codes, test_factors = _halves('sap', kind)
  matrix = np.zeros((codes.shape[1], factors.shape[1]))
  for d in range(codes.shape[1]):
    for k in range(factors.shape[1]):
      model = svm.LinearSVC(C=0.01, class_weight='balanced', dual=False)
      model.fit(codes[:, d : d + 1], factors[:, k])
      matrix[d, k] = model.score(test_codes[:, d : d + 1], test_factors[:, k])
  # One point in 300 may lie on a border.
  want = np.mean(_gap(matrix))
  assert _got('sap', kind) == pytest.approx(want, abs=0.005)


@pytest.mark.parametrize('kind', (*SOME, 'partial'))
def test_explicitness(kind):
  codes, factors, test_codes, test_factors = _halves('explicitness', kind)
  train, test = _standardize(codes, codes), _standardize(test_codes, codes)
  areas = []
  for k, size in enumerate(kinds.SIZES):
    model = linear_model.LogisticRegression(tol=1e-8, max_iter=2000)
    p = model.fit(train, factors[:, k]).predict_proba(test)
    hot = np.eye(size)[test_factors[:, k]]
    areas.append(sklearn_metrics.roc_auc_score(hot, p, average='macro'))
  assert _got('explicitness', kind) == pytest.approx(np.mean(areas), abs=1e-3)


def _majority(local, factor, active, num_train):
  winner = np.array(
    [np.flatnonzero(active)[np.argmin(row[active])] for row in local]
  )
  votes = np.zeros((3, local.shape[1]))
  for k, d in zip(factor[:num_train], winner[:num_train]):
    votes[k, d] += 1
  named = np.argmax(votes, axis=0)
  return np.mean(named[winner[num_train:]] == factor[num_train:])


@pytest.mark.parametrize('kind', (*SOME, 'partial'))
def test_factor_vae_score(kind):
  codes, _ = _arrays('factor_vae_score', kind)
  config = kinds.small_config('factor_vae_score')
  free = -(-config.num_variance // config.batch_size)
  points = codes[:free].reshape(-1, 5)[: config.num_variance]
  variance = points.var(axis=0, ddof=1)
  active = np.sqrt(variance) >= config.threshold
  factor = kinds.arrangement('factor_vae_score').factor
  local = codes[free:].var(axis=1, ddof=1) / np.where(active, variance, 1)
  want = _majority(local, factor, active, config.num_train)
  # A tie within rounding may fall either way.
  assert _got('factor_vae_score', kind) == pytest.approx(want, abs=0.01)


@pytest.mark.parametrize('kind', ('noisy', 'noise', 'partial'))
def test_beta_vae_score(kind):
  codes, _ = _arrays('beta_vae_score', kind)
  n = kinds.small_config('beta_vae_score').num_train
  features = np.abs(codes[:, :, 0] - codes[:, :, 1]).mean(axis=1)
  labels = kinds.arrangement('beta_vae_score').factor
  model = linear_model.LogisticRegression(tol=1e-8, max_iter=2000)
  want = model.fit(features[:n], labels[:n]).score(features[n:], labels[n:])
  assert _got('beta_vae_score', kind) == pytest.approx(want, abs=0.011)


@pytest.mark.parametrize('kind', ('noisy', 'noise', 'partial'))
def test_beta_vae_score_changed(kind):
  codes, factors = _arrays('beta_vae_score_changed', kind)
  n = kinds.small_config('beta_vae_score_changed').num_train
  features = np.abs(codes[:, 0] - codes[:, 1])
  largest = features.max(axis=1, keepdims=True)
  features = features / np.where(largest > 0, largest, 1)
  labels = np.argmax(factors[:, 0] != factors[:, 1], axis=1)
  model = linear_model.LogisticRegression(tol=1e-8, max_iter=2000)
  want = model.fit(features[:n], labels[:n]).score(features[n:], labels[n:])
  assert _got('beta_vae_score_changed', kind) == pytest.approx(want, abs=0.011)


@pytest.mark.parametrize('kind', (*SOME, 'rescaled'))
def test_irs(kind):
  codes, factors = _arrays('irs', kind)
  codes = codes[:, codes.var(axis=0) > 1e-12]
  largest = np.max(np.abs(codes - codes.mean(axis=0)), axis=0)
  spread = np.zeros((codes.shape[1], 3))
  for k in range(3):
    values = np.unique(factors[:, k])
    for value in values:
      group = codes[factors[:, k] == value]
      deviation = np.abs(group - group.mean(axis=0))
      spread[:, k] += np.percentile(deviation, 99, axis=0) / len(values)
  robust = 1 - spread.min(axis=1) / largest
  want = np.average(robust, weights=largest)
  assert _got('irs', kind) == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize('kind', ('noise',))
def test_independence(kind):
  codes, _ = _arrays('independence', kind)
  covariance = np.cov(codes.T)
  diagonal = np.diag(covariance)
  total = 0.5 * (np.log(diagonal).sum() - np.linalg.slogdet(covariance)[1])
  root = linalg.sqrtm(diagonal[:, None] * covariance)
  distance = 2 * np.trace(covariance) - 2 * np.trace(root).real
  pairs = [
    sklearn_metrics.mutual_info_score(_bins(codes[:, i]), _bins(codes[:, j]))
    for i in range(5)
    for j in range(5)
    if i != j
  ]
  got = lambda key: _got(key, kind, 'independence')
  assert got('gaussian_total_correlation') == pytest.approx(total, abs=1e-5)
  assert got('gaussian_wasserstein_correlation') == pytest.approx(
    distance, abs=1e-5
  )
  assert got('mutual_info_score') == pytest.approx(np.mean(pairs), abs=1e-5)


def _entropy_scores(matrix):
  """Disentanglement and completeness from importances [D, K]."""

  def one_way(rows):
    p = rows + 1e-11
    p = p / p.sum(axis=1, keepdims=True)
    score = 1 - special.entr(p).sum(axis=1) / np.log(rows.shape[1])
    return np.average(score, weights=rows.sum(axis=1) + 1e-300)

  return one_way(matrix), one_way(matrix.T)


@pytest.mark.parametrize('kind', SOME)
def test_dci_gbt(kind):
  codes, factors, test_codes, test_factors = _halves('dci_gbt', kind)
  rounds = kinds.small_config('dci_gbt').num_rounds
  columns, right = [], []
  for k in range(3):
    model = ensemble.GradientBoostingClassifier(
      n_estimators=rounds, random_state=0
    ).fit(codes, factors[:, k])
    columns.append(model.feature_importances_)
    right.append(model.score(test_codes, test_factors[:, k]))
  want = _entropy_scores(np.stack(columns, axis=1))
  got = lambda key: _got(f'dci_{key}_gbt', kind, 'dci_gbt')
  assert got('disentanglement') == pytest.approx(want[0], abs=0.02)
  assert got('completeness') == pytest.approx(want[1], abs=0.02)
  # Of pure noise 900 test points cannot tell two classifiers apart.
  tolerance = 0.04 if kind == 'noise' else 0.02
  assert got('informativeness') == pytest.approx(np.mean(right), abs=tolerance)


@pytest.mark.parametrize('kind', ('noisy', 'rotated', 'partial'))
def test_dci_lasso(kind):
  codes, factors, test_codes, test_factors = _halves('dci_lasso', kind)
  x, test_x = _standardize(codes, codes), _standardize(test_codes, codes)
  y, test_y = (
    _standardize(factors, factors),
    _standardize(test_factors, factors),
  )
  columns, error = [], []
  for k in range(3):
    model = linear_model.LassoCV(
      alphas=kinds.SMALL['num_alphas'], cv=5, max_iter=10000, tol=1e-8
    ).fit(x, y[:, k])
    columns.append(np.abs(model.coef_))
    residual = model.predict(test_x) - test_y[:, k]
    error.append(np.sqrt(np.mean(residual**2)))
  want = _entropy_scores(np.stack(columns, axis=1))
  got = lambda key: _got(f'dci_{key}_lasso', kind, 'dci_lasso')
  assert got('disentanglement') == pytest.approx(want[0], abs=2e-3)
  assert got('completeness') == pytest.approx(want[1], abs=2e-3)
  assert got('nrmse') == pytest.approx(np.mean(error), abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize('kind', ('noisy', 'rotated', 'partial'))
def test_dci_forest_errs_as_scikit_learn(kind):
  codes, factors, test_codes, test_factors = _halves('dci_forest', kind)
  y, test_y = (
    _standardize(factors, factors),
    _standardize(test_factors, factors),
  )
  config = kinds.small_config('dci_forest')
  num_fit = len(codes) - len(codes) // 5
  errors = []
  for k in range(3):
    by_depth = []
    for depth in range(1, config.max_depth + 1):
      found = []
      for seed in range(3):
        forest = ensemble.RandomForestRegressor(
          10, max_depth=depth, random_state=seed
        ).fit(codes[:num_fit], y[:num_fit, k])
        left_out = forest.predict(codes[num_fit:]) - y[num_fit:, k]
        test = forest.predict(test_codes) - test_y[:, k]
        found.append([np.sqrt(np.mean(x**2)) for x in (left_out, test)])
      by_depth.append(tuple(np.mean(found, axis=0)))
    errors.append(min(by_depth)[1])
  got = _got('dci_nrmse_forest', kind, 'dci_forest')
  assert got == pytest.approx(np.mean(errors), abs=0.03)


@pytest.mark.parametrize('kind', SOME)
def test_single_code_auc(kind):
  codes, factors = _arrays('single_code_auc', kind)
  areas = []
  for k, size in enumerate(kinds.SIZES):
    for value in range(size):
      found = [
        sklearn_metrics.roc_auc_score(factors[:, k] == value, z)
        for z in codes.T
      ]
      areas.append(max(max(a, 1 - a) for a in found))
  got = _got('single_code_auc', kind)
  assert got == pytest.approx(np.mean(areas), abs=1e-5)


@pytest.mark.parametrize('kind', ('noise', 'duplicated'))
def test_linear_correlation(kind):
  codes, _ = _arrays('linear_correlation', kind)
  covariance = np.cov(codes.T)
  upper = np.triu_indices(5, 1)
  mapc = np.mean(np.abs(np.corrcoef(codes.T))[upper])
  cvr = np.abs(covariance).sum() / np.trace(covariance)
  ordered = np.sort(np.diag(covariance))[::-1]
  got = lambda key: _got(key, kind, 'linear_correlation')
  assert got('mapc') == pytest.approx(mapc, abs=1e-5)
  assert got('cvr') == pytest.approx(cvr, abs=1e-4)
  assert got('tdv') == pytest.approx(ordered[:3].sum() / ordered.sum())


@pytest.mark.parametrize('kind', ('noisy', 'rotated', 'duplicated'))
def test_mig_posterior(kind):
  """The estimator in float64 loops, with noise of its own."""
  codes, factors = _arrays('mig_posterior', kind)
  sigma = np.exp(0.5 * kinds.parts_of(codes, factors)['logvar'].astype(float))
  count = kinds.small_config('mig_posterior').num_samples
  rng = np.random.default_rng(0)
  z = codes[:count] + sigma[:count] * rng.normal(size=(count, 5))
  matrix = np.zeros((5, 3))
  for d in range(5):
    log_q = stats.norm.logpdf(z[:, d : d + 1], codes[:, d], sigma[:, d])
    entropy = np.mean(np.log(len(codes)) - special.logsumexp(log_q, axis=1))
    for k, size in enumerate(kinds.SIZES):
      conditional = 0
      for value in range(size):
        group = factors[:, k] == value
        inside = log_q[group[:count]][:, group]
        found = np.log(group.sum()) - special.logsumexp(inside, axis=1)
        conditional += found.mean() / size
      matrix[d, k] = max(entropy - conditional, 0) / np.log(size)
  want = np.mean(_gap(matrix))
  assert _got('mig_posterior', kind) == pytest.approx(want, abs=0.03)


def test_mig_posterior_of_few_rows_takes_all_the_samples_it_stores():
  # 60 rows, a binary factor at -1 and 1 with unit variance: I(z; f) by
  # integration. Of 60 samples the deviation between draws is 0.08.
  from disentangle_jax import metrics

  factors = np.arange(60)[:, None] % 2
  mean = np.concatenate([2.0 * factors - 1, 0.0 * factors], axis=1)
  parts = {'mean': mean, 'logvar': 0 * mean}
  scores = [
    metrics.evaluate(mean, factors, 'mig_posterior', seed, parts=parts)[
      'mig_posterior'
    ]
    for seed in range(6)
  ]
  z = np.linspace(-8, 8, 4001)
  mixture = (stats.norm.pdf(z, -1) + stats.norm.pdf(z, 1)) / 2
  information = integrate.trapezoid(special.entr(mixture), z)
  information -= stats.norm.entropy()
  assert np.mean(scores) == pytest.approx(information / np.log(2), abs=0.02)
  assert np.std(scores) < 0.035


@pytest.mark.slow
@pytest.mark.parametrize('kind', ('noisy', 'rotated', 'noise', 'discrete'))
def test_infomec(kind):
  codes, factors = _arrays('infomec', kind)
  codes = codes[:, np.ptp(codes, axis=0) > np.ptp(codes, axis=0).max() / 20]
  matrix = np.stack(
    [
      feature_selection.mutual_info_classif(
        _standardize(codes, codes), f, n_neighbors=10, random_state=0
      )
      / stats.entropy(np.bincount(f))
      for f in factors.T
    ],
    axis=1,
  )
  num_codes, num_factors = matrix.shape
  share = lambda m, n: np.mean(
    np.where(m.sum(1) > 0, m.max(1) / np.maximum(m.sum(1), 1e-12), 1 / n)
  )
  modularity = (share(matrix, num_factors) - 1 / 3) / (2 / 3)
  even = 1 / num_codes
  compactness = (share(matrix.T, num_codes) - even) / (1 - even)
  got = lambda key: _got(f'infomec_{key}', kind, 'infomec')
  # Ties are broken at random.
  assert got('modularity') == pytest.approx(max(modularity, 0), abs=0.02)
  assert got('compactness') == pytest.approx(max(compactness, 0), abs=0.02)
  x = _standardize(codes, codes)
  gains = []
  for k, size in enumerate(kinds.SIZES):
    model = linear_model.LogisticRegression(
      C=np.inf, class_weight='balanced', max_iter=100
    ).fit(x, factors[:, k])
    loss = sklearn_metrics.log_loss(factors[:, k], model.predict_proba(x))
    gains.append(1 - loss / np.log(size))
  assert got('explicitness') == pytest.approx(np.mean(gains), abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize('kind', ('perfect', 'rotated', 'partial'))
def test_downstream(kind):
  for name, model in {
    'downstream_gbt': lambda: ensemble.GradientBoostingClassifier(
      n_estimators=kinds.SMALL['num_rounds'], random_state=0
    ),
    'downstream_logistic': lambda: linear_model.LogisticRegression(C=1e4),
  }.items():
    codes, factors, test_codes, test_factors = _halves(name, kind)
    right = [
      model()
      .fit(codes[:100], factors[:100, k])
      .score(test_codes, test_factors[:, k])
      for k in range(3)
    ]
    got = _got(f'{name}_100', kind, name)
    assert got == pytest.approx(np.mean(right), abs=0.04)


def test_clustering_accuracy_by_counting():
  from disentangle_jax import metrics

  rng = np.random.default_rng(0)
  labels = rng.integers(0, 3, (200, 1))
  clusters = (labels[:, 0] + (rng.random(200) < 0.3)) % 4
  right = sum(
    np.bincount(labels[clusters == c, 0]).max() for c in np.unique(clusters)
  )
  parts = {'class_logits': 5 * np.eye(4)[clusters]}
  got = metrics.evaluate(
    np.zeros((200, 1)), labels, 'clustering_accuracy', parts=parts
  )
  assert got['clustering_accuracy'] == pytest.approx(right / 200)
