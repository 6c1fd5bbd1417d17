"""A score along beta, and codes to a classifier: claims, tables, figures.

Figure 1 of the paper is the score of four autoencoders along beta; figure 2 the
accuracy of a support-vector machine on codes of digits. They are sweeps of
their own.
"""

from collections.abc import Iterator
import math

import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  display,
  figures,
  statistics,
  summaries,
  tables,
)
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Estimate,
  Trend,
)
from disentangle_jax.report.section import Section

SCORE = ('beta_vae_score_changed', 'mean')
# Score of figure 2 -> what kind of machine it is of.
MACHINES = {
  'svm_accuracy': 'linear',
  'svm_accuracy_rbf': 'Gaussian kernel',
  'svm_accuracy_rbf_scaled': 'Gaussian kernel, scaled codes',
}
LEAST = 0.1  # the first beta above 0 of figure 2
_PAPER = 'Peychev et al. 2017, figure '
STEADIEST = 'convolutional, denoising'


def autoencoders(study: tables.Study) -> dict[str, np.ndarray]:
  """Name of an autoencoder -> which runs, bool [runs].

  Args:
    study: as loaded.

  Returns:
    'fully connected' and 'convolutional', with ', denoising' where pixels are
    destroyed; those that the study has, in this order.
  """
  variant = study.runs['variant']
  net = variant.str.extract(r'net=(\w+)')[0].fillna('').to_numpy(object)
  noise = variant.str.extract(r'salt_and_pepper=([\d.]+)')[0]
  noisy = noise.astype(float).fillna(0.0).to_numpy() > 0
  named = {}
  for key, name in (('mlp', 'fully connected'), ('conv', 'convolutional')):
    for denoising, tail in ((False, ''), (True, ', denoising')):
      mine = (net == key) & (noisy == denoising)
      if mine.any():
        named[name + tail] = mine
  return named


def _arm(study: tables.Study, name: str, **more) -> Arm:
  """One autoencoder; no runs where the study does not have it."""
  mine = autoencoders(study).get(name)
  variants = () if mine is None else set(study.runs['variant'][mine])
  return Arm(name, {'variant': tuple(sorted(variants)), **more})


def by_beta(
  study: tables.Study, mine: np.ndarray, values: np.ndarray
) -> dict[float, np.ndarray]:
  """Beta -> finite values over seeds, ascending.

  Args:
    study: as loaded.
    mine: bool [runs], which.
    values: float [runs].
  """
  known = mine & np.isfinite(values)
  betas = study.runs['strength'].to_numpy()
  return {
    float(beta): values[known & (betas == beta)]
    for beta in np.unique(betas[known])
  }


def _values(study: tables.Study, name: str) -> np.ndarray | None:
  """A score of every run; None where the study does not have it."""
  columns = list(study.scores.columns)
  for column in ((name, 'mean'), (name, '')):
    if column in columns:
      return study.scores.iloc[:, columns.index(column)].to_numpy(float)
  return None


def seed_share(
  study: tables.Study, mine: np.ndarray, values: np.ndarray
) -> tuple[float, float, float]:
  """Share of the seed in the variance of a score along beta.

  Args:
    study: as loaded.
    mine: bool [runs], of one autoencoder.
    values: float [runs].

  Returns:
    (share, low, high), NaN where seeds or betas do not repeat.
  """
  betas = study.runs['strength'].to_numpy()[mine]
  if len(np.unique(betas[np.isfinite(values[mine])])) < 2:
    return math.nan, math.nan, math.nan
  row = statistics.variance_shares(
    values[mine], np.zeros(mine.sum()), betas
  ).loc['seed']
  return float(row['share']), float(row['low']), float(row['high'])


def _share_rule(name: str) -> Estimate:
  def compute(study: tables.Study) -> tuple[float, float, float]:
    mine = autoencoders(study)[name]
    return seed_share(study, mine, claims_lib.values_of(study, SCORE))

  return Estimate(compute, 0.5, 'higher', 'share of the seed in the variance')


def growth(study: tables.Study) -> np.ndarray:
  """Rank correlation of score and beta, of a run's autoencoder and seed.

  Over the betas that all autoencoders of the study have.

  Args:
    study: as loaded.

  Returns:
    float [runs]; NaN where scores or betas do not vary.
  """
  values = claims_lib.values_of(study, SCORE)
  betas, seeds = (study.runs[name].to_numpy() for name in ('strength', 'seed'))
  named = autoencoders(study)
  shared = set.intersection(*(set(betas[mine]) for mine in named.values()))
  common = np.isin(betas, list(shared)) & np.isfinite(values)
  correlations = np.full(len(betas), np.nan)
  for mine in named.values():
    for seed in np.unique(seeds[mine]):
      own = mine & (seeds == seed)
      frame = pd.DataFrame({'b': betas, 'v': values})[own & common]
      if frame['b'].nunique() > 1 and frame['v'].nunique() > 1:
        ranks = frame.rank().to_numpy().T
        correlations[own] = np.corrcoef(ranks)[0, 1]
  return correlations


def _score_claims(study: tables.Study) -> tuple[Claim, ...]:
  """Figure 1."""
  named = autoencoders(study)
  arms = {name: _arm(study, name) for name in named}
  others = [name for name in named if name != STEADIEST]
  rest = set().union(
    *(study.runs['variant'][named[name]].unique() for name in others)
  )
  return (
    *(
      Claim(
        'Scores of one beta differ more from seed to seed than scores of '
        f'different betas ({name}).',
        f'{_PAPER}1',
        'seeds of one beta are far apart',
        (arms[name],),
        SCORE,
        _share_rule(name),
      )
      for name in named
    ),
    *(
      Claim(
        f'The score grows with beta ({name}).',
        f'{_PAPER}1',
        'grows',
        (arms[name],),
        SCORE,
        Trend('higher'),
      )
      for name in named
    ),
    Claim(
      'The growth is steadiest for the convolutional denoising autoencoder: '
      'its rank correlation of score and beta less that of the others.',
      f'{_PAPER}1',
      'most steadily',
      (
        _arm(study, STEADIEST),
        Arm('the others', {'variant': tuple(sorted(rest))}),
      ),
      growth,
      Difference('higher'),
    ),
  )


def shares_of(study: tables.Study) -> list[str]:
  """The shares of the digits, as the sweep writes them, ascending."""
  named = study.runs['variant'].str.extract(r'share=([\d.]+)')[0].dropna()
  return sorted(set(named), key=float)


def _digit_claims(study: tables.Study) -> tuple[Claim, ...]:
  """Figure 2."""
  betas = sorted(set(study.runs['strength'].dropna()))
  shares = shares_of(study) or ['', '']
  claims = []
  for score, machine in MACHINES.items():
    claims += [
      Claim(
        f'Accuracy jumps from beta 0 to {LEAST:g} ({machine}, mean over the '
        'shares of digits).',
        f'{_PAPER}2',
        'jumps',
        (
          Arm(f'beta {LEAST:g}', {'strength': LEAST}),
          Arm('beta 0', {'strength': 0.0}),
        ),
        score,
        Difference('higher'),
      ),
      Claim(
        f'From beta {LEAST:g} on accuracy decays ({machine}).',
        f'{_PAPER}2',
        'decays',
        (
          Arm(
            f'beta from {LEAST:g}',
            {'strength': tuple(b for b in betas if b >= LEAST)},
          ),
        ),
        score,
        Trend('lower'),
      ),
      Claim(
        'Accuracy is higher with all digits than with the smallest share '
        f'({machine}, mean over the betas).',
        f'{_PAPER}2',
        'more digits, better accuracy',
        tuple(
          Arm(f'share {share}', {'variant.share': share})
          for share in (shares[-1], shares[0])
        ),
        score,
        Difference('higher'),
      ),
    ]
  return tuple(claims)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """The claims of the figure that was run."""
  names = {name for name, _ in study.scores.columns}
  if names & set(MACHINES):
    return _digit_claims(study)
  return _score_claims(study) if autoencoders(study) else ()


def rank_correlation(
  cells: dict[float, np.ndarray], resamples: int = 2000
) -> tuple[float, float, float]:
  """Spearman's correlation of score and beta over all runs.

  Args:
    cells: as from `by_beta`.
    resamples: of the bootstrap over the seeds of every beta.

  Returns:
    (correlation, low, high), NaN where scores or betas do not vary; the
    interval also where a beta has one run alone.
  """

  def correlation(groups: list[np.ndarray]) -> float:
    betas = np.repeat(list(cells), [len(values) for values in groups])
    frame = pd.DataFrame({'b': betas, 'v': np.concatenate(groups)})
    if frame['b'].nunique() < 2 or frame['v'].nunique() < 2:
      return math.nan
    return float(np.corrcoef(frame.rank().to_numpy().T)[0, 1])

  if not cells:
    return math.nan, math.nan, math.nan
  value = correlation(list(cells.values()))
  if math.isnan(value) or min(map(len, cells.values())) < 2:
    return value, math.nan, math.nan
  rng = np.random.default_rng(0)
  draws = [
    correlation([rng.choice(values, len(values)) for values in cells.values()])
    for _ in range(resamples)
  ]
  low, high = np.nanquantile(draws, [0.025, 0.975])
  return value, float(low), float(high)


def along_beta_table(study: tables.Study) -> pd.DataFrame:
  """A row per autoencoder: its seeds, and how its score follows beta."""
  values, rows = _values(study, SCORE[0]), []
  for name, mine in autoencoders(study).items():
    cells = by_beta(study, mine, values)
    if not cells:
      continue
    free = sum(len(own) - 1 for own in cells.values())
    squares = sum(np.sum((own - own.mean()) ** 2) for own in cells.values())
    ends = cells[min(cells)], cells[max(cells)]
    difference = (math.nan,) * 3
    if len(ends[0]) == len(ends[1]) and len(cells) > 1:
      difference = statistics.paired_interval(ends[1], ends[0])
    rows.append(
      {
        'autoencoder': name,
        'runs': int(mine.sum()),
        'deviation of seeds': math.sqrt(squares / free) if free else math.nan,
        'share of the seed': summaries.with_interval(
          *seed_share(study, mine, values)
        ),
        'rank correlation with beta': summaries.with_interval(
          *rank_correlation(cells), signed=True
        ),
        'greatest beta minus least': summaries.with_interval(
          *difference, signed=True
        ),
      }
    )
  return pd.DataFrame(rows)


def settings_table(study: tables.Study, names: dict[str, str]) -> pd.DataFrame:
  """A row per setting, a column per score that there is.

  Args:
    study: as loaded.
    names: head of the column -> score.
  """
  known = {head: _values(study, name) for head, name in names.items()}
  rows = []
  for cell, mine in study.runs.groupby('cell'):
    row = {
      'setting': study.cells['method'][cell],
      'beta': f'{study.cells["strength"][cell]:g}',
      'runs': len(mine),
    }
    for head, values in known.items():
      if values is not None:
        row[head] = summaries.mean_with_interval(values[mine.index])
    rows.append(row)
  return pd.DataFrame(rows)


def digits_table(study: tables.Study) -> pd.DataFrame:
  """Accuracy's jump and decay, by machine and share; paired over seeds."""
  betas, runs, rows = study.runs['strength'].to_numpy(), study.runs, []
  share = runs['variant'].str.extract(r'share=([\d.]+)')[0].to_numpy(object)
  for score, machine in MACHINES.items():
    values = _values(study, score)
    if values is None:
      continue
    for own in shares_of(study):
      mean = lambda beta, own=own, values=values: (
        pd.Series(values[(betas == beta) & (share == own)])
        .groupby(runs['seed'].to_numpy()[(betas == beta) & (share == own)])
        .mean()
      )
      row = {'classifier': machine, 'share': own}
      greatest = betas[share == own].max()
      for high, low in ((LEAST, 0.0), (greatest, LEAST)):
        first, second = mean(high).align(mean(low), join='inner')
        difference = statistics.paired_interval(
          first.to_numpy(), second.to_numpy()
        )
        row[f'at {high:g} minus at {low:g}'] = summaries.with_interval(
          *difference, signed=True
        )
      rows.append(row)
  return pd.DataFrame(rows)


def _against_beta(study: tables.Study, name: str):
  """A score against beta, mean over seeds with its band."""
  columns = list(study.scores.columns)
  column = (name, 'mean') if (name, 'mean') in columns else (name, '')
  place = columns.index(column)
  named, figure = display.named(study), figures.empty(5.5, 3.2)
  figures.score_against_strength(
    figure,
    summaries.cell_table(named, place),
    display.described(study, place),
    list(dict.fromkeys(named.cells['method'])),
  )
  return figure


def sections(study: tables.Study) -> Iterator[Section]:
  """Tables and figures of the figure that was run."""
  machines = [name for name in MACHINES if _values(study, name) is not None]
  if machines:
    yield from _digit_sections(study, machines)
  elif _values(study, SCORE[0]) is not None:
    yield from _score_sections(study)


def _score_sections(study: tables.Study) -> Iterator[Section]:
  table = along_beta_table(study)
  if len(table):
    yield Section(
      'beta_variance_along_beta',
      'The score along beta',
      'Deviation between seeds at equal beta, its share of the variance, the '
      'rank correlation over all runs, and the ends of beta paired over seeds; '
      '95 % intervals.',
      table,
    )
  if len(study.cells) > 1:
    yield Section(
      'beta_variance_strength',
      'Score against beta',
      'Mean over seeds and 95 % band.',
      _against_beta(study, SCORE[0]),
    )
  heads = {
    'score': SCORE[0],
    'KL (nats)': 'kl',
    'reconstruction (nats)': 'reconstruction/nats',
  }
  yield Section(
    'beta_variance_settings',
    'Every setting',
    'Means over seeds with 95 % intervals.',
    settings_table(study, heads),
  )


def _digit_sections(
  study: tables.Study, machines: list[str]
) -> Iterator[Section]:
  table = digits_table(study)
  if len(table):
    yield Section(
      'beta_variance_mnist_differences',
      'Accuracy at small and at great beta',
      'By classifier and share of the digits, paired over seeds, with 95 % '
      'intervals.',
      table,
    )
  for name in machines if len(study.cells) > 1 else ():
    yield Section(
      f'beta_variance_mnist_{name}',
      f'Accuracy against beta, {MACHINES[name]}',
      'Mean over seeds and 95 % band.',
      _against_beta(study, name),
    )
  heads = {MACHINES[name]: name for name in machines}
  yield Section(
    'beta_variance_mnist_settings',
    'Every setting',
    'Means over seeds with 95 % intervals.',
    settings_table(study, {**heads, 'KL (nats)': 'kl'}),
  )
