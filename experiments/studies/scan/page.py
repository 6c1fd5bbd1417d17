"""SCAN against its baselines: claims, and the paper's table of arms."""

from collections.abc import Callable, Iterator
import json
import math

import numpy as np
import pandas as pd

from disentangle_jax.report import arms as arms_lib
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard, Within
from disentangle_jax.report.section import Section

PAPER = 'Higgins et al. 2018'
SETS = ('train', 'test_symbols', 'test_operators')
# Arm -> published accuracies and diversities of SETS; SCAN by its eyes' beta.
PUBLISHED = {
  'TrELBO': (0.81, 0.69, 0.37, 9.41, 6.86, 0.63),
  'JMVAE': (0.75, 0.68, 0.61, 4.32, 2.87, 0.86),
  'reverse KL': (0.86, 0.81, 0.67, 13.17, 9.2, 9.94),
  'unstructured': (0.27, 0.26, 0.25, 5.51, 1.23, 1.66),
  'SCAN': (0.82, 0.79, 0.79, 1.46, 1.08, 1.05),
}
# What the eyes must come to, and the judges.
LEAST_MIG, LEAST_REAL = 0.3, 0.9
JMVAE = Arm('JMVAE', {'method': 'jmvae_operators'})
TRELBO = Arm('TrELBO', {'method': 'trelbo_operators'})


def betas(study: tables.Study) -> list[float]:
  """The strengths of the eyes that SCAN has, lowest first."""
  mine = claims_lib.runs_of(study, Arm('', {'method': 'scan_operators'}))
  own = {
    json.loads(text).get('eyes.beta', math.nan)
    for text in study.runs['hparams'][mine]
  }
  return sorted(beta for beta in own if math.isfinite(beta))


def scan(beta: float, direction: str, label: str) -> Arm:
  """The runs of SCAN on eyes of one strength."""
  where = {
    'method': 'scan_operators',
    'variant.direction': direction,
    'hparams.eyes.beta': beta,
  }
  return Arm(label, where)


def named(study: tables.Study) -> dict[str, Arm]:
  """The arms that claims are about; SCAN is the one of the strongest eyes."""
  own = betas(study) or [math.nan]
  return {
    'SCAN': scan(own[-1], 'forward', 'SCAN'),
    'unstructured': scan(own[0], 'forward', f'unstructured, beta {own[0]:g}'),
    'reverse KL': scan(own[-1], 'reverse', 'reverse KL'),
    'JMVAE': JMVAE,
    'TrELBO': TRELBO,
  }


def arms(study: tables.Study) -> list[Arm]:
  """All arms, SCAN with eyes of every strength."""
  own = named(study)
  forward = [
    scan(beta, 'forward', f'SCAN, beta {beta:g}') for beta in betas(study)
  ]
  return [*forward, own['reverse KL'], own['JMVAE'], own['TrELBO']]


def of_scan(score: claims_lib.Score) -> Callable[[tables.Study], np.ndarray]:
  """`(study) -> float [runs]`, for every run the score of its seed's SCAN."""

  def values(study):
    own = claims_lib.values_of(study, score)
    by_seed = claims_lib.by_seed(study, named(study)['SCAN'], own)
    seeds = study.runs['seed']
    return np.array([by_seed.get(seed, np.nan) for seed in seeds])

  return values


def log_ratio(name: str) -> Callable[[tables.Study], np.ndarray]:
  """log of a score over that of the same seed's SCAN, less log 2."""

  def values(study):
    own = claims_lib.values_of(study, name)
    ratio = own / of_scan(name)(study)
    return np.log(np.where(ratio > 0, ratio, np.nan)) - math.log(2)

  return values


def beside_constant(study: tables.Study) -> np.ndarray:
  """SCAN's diversity of recombined concepts over that of constant samples."""
  constant = claims_lib.values_of(study, 'concept_diversity/constant')
  return of_scan('concept_diversity/test_operators')(study) / constant


GUARDS = (
  Guard(
    of_scan('mig_binned'),
    low=LEAST_MIG,
    reason='eyes that do not disentangle decide nothing',
  ),
  Guard(
    'concept_accuracy/real',
    low=LEAST_REAL,
    reason='judges must name real pictures',
  ),
  Guard(
    beside_constant,
    high=0.5,
    reason='one picture of each concept is accurate for nothing',
  ),
)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Accuracy of recombined concepts, diversity, and what is narrow."""
  own = named(study)
  recombined = 'concept_accuracy/test_operators'
  more = lambda first, second, published: Claim(
    statement=f'New concepts made by operators: samples of {first} are what '
    f'they should be more often than those of {second}.',
    source=PAPER,
    published=published,
    arms=(own[first], own[second]),
    score=recombined,
    rule=Difference('higher'),
    guards=GUARDS,
  )
  twice = lambda of, words, published: Claim(
    statement=f'Samples of {words} are at least twice as far from uniform '
    'where the symbol leaves attributes open with the reverse KL (log of the '
    'ratio of diversities, less log 2).',
    source=PAPER,
    published=published,
    arms=(own['reverse KL'],),
    score=log_ratio(f'concept_diversity/{of}'),
    rule=Within('higher'),
    guards=GUARDS[:2],
  )
  return (
    more('SCAN', 'JMVAE', '.79 against .61'),
    more('JMVAE', 'TrELBO', '.61 against .37'),
    more('SCAN', 'unstructured', '.79 against .25'),
    twice('train', 'trained concepts', '13.17 against 1.46'),
    twice('test_operators', 'recombined concepts', '9.94 against 1.05'),
    Claim(
      statement='Symbols are narrower in latents of attributes that they give '
      'than in those of attributes that they leave open.',
      source='Higgins et al. 2018',
      published='shown in pictures',
      arms=(own['SCAN'],),
      score='concept_specificity',
      rule=Within('higher'),
      guards=GUARDS,
    ),
  )


def published_table() -> pd.DataFrame:
  """The paper's numbers, a row per arm."""
  columns = [
    f'{kind}, {name}' for kind in ('accuracy', 'diversity') for name in SETS
  ]
  return pd.DataFrame(
    [{'arm': arm, **dict(zip(columns, row))} for arm, row in PUBLISHED.items()]
  )


def sections(study: tables.Study) -> Iterator[Section]:
  """Tables of accuracy, of diversity, of eyes and guards, and the paper's.

  Args:
    study: as loaded.

  Yields:
    The tables; none where nothing was run.
  """
  own = arms(study)
  kinds = {
    'accuracy': (
      'Accuracy',
      'Share of 64 samples with the values that the concept gives, by its '
      'classifiers; operators one by one, and real pictures as the ceiling.',
      [
        f'concept_accuracy/{name}'
        for name in (*SETS, 'and', 'in_common', 'ignore', 'real')
      ],
    ),
    'diversity': (
      'Diversity',
      'KL of uniform to the values of samples where the concept leaves '
      'attributes open, nats; lower is more diverse. Constant: one real '
      'picture in the place of all samples.',
      [
        f'concept_{kind}/{name}'
        for kind in ('diversity', 'diversity_smoothed')
        for name in (*SETS, 'real', 'constant')
      ],
    ),
    'eyes': (
      'Eyes and symbols',
      'MIG of the codes of pictures, errors of the classifiers on real '
      'pictures are in the list of scores; on reconstructions here. '
      'Specificity: log variance where a symbol leaves open less where it '
      'gives, nats.',
      [
        'mig_binned',
        'concept_specificity',
        'img2sym_accuracy',
        'img2sym_accuracy/held_out',
        *(
          f'concept_error_decoded/{name}'
          for name in ('floor_hue', 'wall_hue', 'object_hue', 'shape')
        ),
      ],
    ),
  }
  for key, (title, text, scores) in kinds.items():
    table = arms_lib.table(study, own, scores)
    if len(table):
      yield Section(f'scan_{key}', title, text, table)
  if any(claims_lib.runs_of(study, arm).any() for arm in own):
    yield Section(
      'scan_published',
      'Published',
      'The same numbers in the paper, on its own rooms with 16 hues: they are '
      'not to be compared one by one. SCAN has eyes of beta 53 there, the '
      'unstructured ones .1.',
      published_table(),
    )
