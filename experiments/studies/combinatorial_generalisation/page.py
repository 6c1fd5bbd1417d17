"""Reconstruction inside and outside the seen combinations: claims and tables.

Every rule was written down before the claim's seeds were run.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from disentangle_jax.data import exclusions
from disentangle_jax.report import arms as arms_lib
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  figures,
  style,
  tables,
)
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Estimate,
  Guard,
  Within,
)
from disentangle_jax.report.section import Section
from disentangle_jax.studies.combinatorial_generalisation import config

PAPER = 'Montero et al. 2021'
WATTERS = 'Watters et al. 2019'
ELEMENT, RANGE, EXTRAPOLATION = exclusions.NAMES
WORDS = {
  ELEMENT: 'Recombination to element',
  RANGE: 'Recombination to range',
  EXTRAPOLATION: 'Extrapolation',
}
SEEN = 'reconstruction_by_part/explained_seen'
LEFT_OUT = 'reconstruction_by_part/explained_left_out'
DEGREE = 'dci_gap_disentanglement_lasso'
SCORES = (
  SEEN,
  LEFT_OUT,
  'reconstruction_by_part/nats_seen',
  'reconstruction_by_part/nats_left_out',
  DEGREE,
  'mig_binned',
  'dci_gap_nrmse_seen_forest',
  'dci_gap_nrmse_zero_shot_forest',
  'dci_gap_constant',
)
# A model reconstructs a part if it explains more than half of its variance.
HALF = 0.5
# What the ranks of two scores share at most where one says little of the other.
LITTLE = 0.5
# What more disentangled codes may add at most where they add little.
GAIN = 0.1
_RESAMPLES = 2000
# By arms: what a sweep does not vary has no name in a run's variant.
UNSUPERVISED = ('beta_vae', 'factor_vae')


def arm(exclusion: str, net: str = '', methods: str | tuple = UNSUPERVISED):
  """The runs of some methods under an exclusion, of one net or of all.

  Args:
    exclusion: in `exclusions.NAMES`.
    net: a name, '' for all.
    methods: one or several.
  """
  where = {'method': methods, 'variant.distribution': exclusion}
  if net:
    where['variant.net'] = net
  return Arm(f'{net or "all nets"}, {exclusion}', where)


def pairs_arm(exclusion: str) -> Arm:
  """Ada-GVAE with the net that all variants give it."""
  where = {
    'method': 'ada_gvae',
    'variant.distribution': exclusion,
    # '' where it has this net alone.
    'variant.net': ('', 'burgess'),
  }
  return Arm(f'pairs, {exclusion}', where)


def vae_arm(exclusion: str) -> Arm:
  """The VAE with the same net."""
  where = {
    'method': 'beta_vae',
    'variant.distribution': exclusion,
    'variant.net': 'burgess',
    'strength': 1.0,
  }
  return Arm(f'vae, {exclusion}', where)


def above_half(study: tables.Study) -> np.ndarray:
  """Explained share of left-out images less one half, float [runs]."""
  return claims_lib.values_of(study, LEFT_OUT) - HALF


def change(study: tables.Study) -> np.ndarray:
  """Explained share of left-out less that of seen images, float [runs]."""
  return claims_lib.values_of(study, LEFT_OUT) - claims_lib.values_of(
    study, SEEN
  )


def _rows(study: tables.Study, exclusion: str) -> pd.DataFrame:
  """'net', 'seed', 'degree', 'left_out', 'seen' of an exclusion's runs."""
  nets = study.runs['variant'].str.extract(r'(?:^|, )net=([^,]*)')[0]
  frame = pd.DataFrame(
    {
      'net': nets.fillna('burgess').to_numpy(),
      'method': study.runs['method'].str.split(' ').str[0].to_numpy(),
      'seed': study.runs['seed'].to_numpy(),
      'degree': claims_lib.values_of(study, DEGREE),
      'left_out': claims_lib.values_of(study, LEFT_OUT),
      'seen': claims_lib.values_of(study, SEEN),
    }
  )
  every = Arm(exclusion, {'variant.distribution': exclusion})
  frame = frame[claims_lib.runs_of(study, every)]
  return frame[np.isfinite(frame[['degree', 'left_out']]).all(axis=1)]


def _mean_correlation(
  nets: list[dict[int, np.ndarray]], seeds: np.ndarray
) -> float:
  """Spearman's correlation within nets, mean over nets; NaN without any.

  Args:
    nets: of each, seed -> float [runs, 2], degree and left-out share.
    seeds: those that were drawn.
  """
  found = []
  for of_seed in nets:
    drawn = [of_seed[seed] for seed in seeds if seed in of_seed]
    pairs = np.concatenate(drawn or [np.zeros((0, 2))])
    if len(pairs) and np.all(np.ptp(pairs, axis=0) > 0):
      ranks = scipy_stats.rankdata(pairs, axis=0)
      found.append(np.corrcoef(ranks.T)[0, 1])
  return float(np.mean(found)) if found else np.nan


def correlation(
  study: tables.Study, exclusion: str
) -> tuple[float, float, float]:
  """Whether disentangled runs reconstruct more of what was left out.

  Args:
    study: as loaded.
    exclusion: in `exclusions.NAMES`.

  Returns:
    Spearman's correlation of DCI's disentanglement on seen combinations with
    the explained share of left-out images, over methods, strengths and seeds
    within nets, mean over nets; ends of its 95 % interval, by drawing seeds
    anew. NaN with fewer seeds than a claim needs.
  """
  frame = _rows(study, exclusion)
  seeds = frame['seed'].unique()
  if len(seeds) < claims_lib.LEAST_SEEDS:
    return np.nan, np.nan, np.nan
  nets = [
    {
      seed: runs[['degree', 'left_out']].to_numpy()
      for seed, runs in of_net.groupby('seed')
    }
    for _, of_net in frame.groupby('net')
  ]
  rng = np.random.default_rng(0)
  draws = [
    _mean_correlation(nets, rng.choice(seeds, len(seeds)))
    for _ in range(_RESAMPLES)
  ]
  low, high = np.nanpercentile(draws, [2.5, 97.5])
  return _mean_correlation(nets, seeds), float(low), float(high)


def _of_net(net: str) -> Iterator[Claim]:
  """What the paper says of reconstruction, for one net."""
  learnt = Guard(SEEN, low=0.6, reason='seen images must be reconstructed')
  element, wide, beyond = (arm(name, net) for name in exclusions.NAMES)
  source = PAPER
  yield Claim(
    f'{net}: the left-out combination comes back (more than half of its '
    'variance) under recombination to element.',
    source,
    'models succeed',
    (element,),
    above_half,
    Within('higher'),
    guards=(learnt,),
  )
  for part, name in ((wide, RANGE), (beyond, EXTRAPOLATION)):
    yield Claim(
      f'{net}: left-out combinations do not come back (less than half of their '
      f'variance) under {WORDS[name].lower()}.',
      source,
      'models fail',
      (part,),
      above_half,
      Within('lower'),
      guards=(learnt,),
    )
  for first, second, name, other in (
    (wide, element, RANGE, ELEMENT),
    (beyond, wide, EXTRAPOLATION, RANGE),
  ):
    yield Claim(
      f'{net}: less of the left-out images is explained under '
      f'{WORDS[name].lower()} than under {WORDS[other].lower()}.',
      source,
      'harder' if name == RANGE else 'hardest',
      (first, second),
      LEFT_OUT,
      Difference('lower'),
      guards=(learnt,),
    )
  for part, name in (
    (element, ELEMENT),
    (wide, RANGE),
    (beyond, EXTRAPOLATION),
  ):
    yield Claim(
      f'{net}: less of left-out than of seen images is explained under '
      f'{WORDS[name].lower()}.',
      source,
      'a small loss' if name == ELEMENT else 'a large loss',
      (part,),
      change,
      Within('lower'),
      guards=(learnt,),
    )


def _of_disentanglement() -> Iterator[Claim]:
  """What the degree of disentanglement says of generalisation."""
  for name in exclusions.NAMES:
    yield Claim(
      f'{WORDS[name]}: how disentangled codes are says little of how much of '
      f'the left-out images is explained (rank correlation below {LITTLE:g}).',
      f'{PAPER}; the number is ours',
      'irrespective of the degree of disentanglement',
      (Arm(name, {'variant.distribution': name}),),
      LEFT_OUT,
      Estimate(
        lambda study, name=name: correlation(study, name),
        LITTLE,
        'lower',
        'rank correlation within nets',
      ),
    )
  for name in (RANGE, EXTRAPOLATION):
    yield Claim(
      f'{WORDS[name]}: pairs give more disentangled codes than the VAE.',
      'Locatello et al. 2020',
      'higher',
      (pairs_arm(name), vae_arm(name)),
      DEGREE,
      Difference('higher'),
    )
    yield Claim(
      f'{WORDS[name]}: pairs explain at most {GAIN:g} more of the left-out '
      'images than the VAE.',
      f'{PAPER}: disentanglement is not sufficient; the comparison is ours',
      'no better',
      (pairs_arm(name), vae_arm(name)),
      lambda study: (
        claims_lib.values_of(study, LEFT_OUT)
        - GAIN
        * np.isin(study.runs['method'].str.split(' ').str[0], ['ada_gvae'])
      ),
      Difference('lower'),
    )


def _of_broadcast() -> Iterator[Claim]:
  """What the spatial broadcast decoder adds."""
  for name in (RANGE, EXTRAPOLATION):
    yield Claim(
      f'{WORDS[name]}: the spatial broadcast decoder explains more of the '
      'left-out images than the transposed convolutions of burgess.',
      f'{WATTERS}, abstract: generalisation to held-out regions in data space',
      'higher',
      (arm(name, 'spatial_broadcast'), arm(name, 'burgess')),
      LEFT_OUT,
      Difference('higher'),
    )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Net by net, then disentanglement, then the broadcast decoder."""
  del study
  every = [claim for net in config.NETS for claim in _of_net(net)]
  return (*every, *_of_disentanglement(), *_of_broadcast())


def _settings(study: tables.Study, exclusion: str) -> list[Arm]:
  """An arm per method, net and strength of an exclusion, in order of runs."""
  mine = study.runs[
    claims_lib.runs_of(study, Arm('', {'variant.distribution': exclusion}))
  ]
  listed = mine[['method', 'variant', 'strength']].drop_duplicates()
  settings = []
  for method, variant, strength in listed.itertuples(index=False):
    name = method.split(' ')[0]
    net = variant.partition('net=')[2].partition(',')[0] or 'burgess'
    where = {'method': name, 'variant': variant}
    label = f'{name}, {net}'
    if np.isfinite(strength):
      where['strength'] = strength
      label = f'{name} {strength:g}, {net}'
    settings.append(Arm(label, where))
  return settings


def sections(study: tables.Study) -> Iterator[Section]:
  """A table per exclusion, and disentanglement against generalisation."""
  names = {name for name, _ in study.scores.columns}
  for name in exclusions.NAMES:
    table = arms_lib.table(study, _settings(study, name), SCORES)
    if len(table):
      yield Section(
        f'combinatorial_generalisation_{name}',
        WORDS[name],
        'Explained: 1 - squared error over the variance of the part. Means '
        'over seeds with 95 % bootstrap intervals.',
        table,
      )
  if not {DEGREE, LEFT_OUT, SEEN} <= names:
    return
  frames = {name: _rows(study, name) for name in exclusions.NAMES}
  frames = {name: frame for name, frame in frames.items() if len(frame)}
  if not frames:
    return
  figure, axes = figures.new(7.2, 2.5, ncols=len(frames), squeeze=False)
  for axis, (name, frame) in zip(axes[0], frames.items()):
    for i, (net, own) in enumerate(frame.groupby('net')):
      look = {'color': style.colour(i), 'ls': '', **style.mark(i, 3)}
      label = net.replace('_', ' ')
      axis.plot(own['degree'], own['left_out'], label=label, **look)
    axis.axhline(HALF, **style.LEVEL)
    axis.set_title(WORDS[name], fontsize=style.SMALL)
    axis.set(xlabel='disentanglement (seen)')
    axis.tick_params(labelsize=style.TINY)
  axes[0][0].set_ylabel('explained, left out')
  axes[0][0].legend(fontsize=style.TINY)
  yield Section(
    'combinatorial_generalisation_degree',
    'Disentanglement and generalisation',
    'A dot per run; DCI disentanglement of the lasso on seen combinations '
    'against the explained share of left-out images.',
    figure,
  )
