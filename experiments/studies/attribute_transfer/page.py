"""What keeps content, and what it costs: claims and a table of arms."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import arms as arms_lib
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard
from disentangle_jax.report.section import Section

PAPER = 'Melnyk et al. 2017'
METHOD = 'attribute_transfer'
# Transfer of two arms that are compared may differ by so much.
NEAR = 0.05
TABLE = (
  'transfer',
  'transfer_exact',
  'transfer_content',
  'transfer_all_nouns',
  'content_exact',
  'transfer_both',
  'transfer_copied',
  'transfer_identical',
  'transfer_bleu',
  'transfer_perplexity',
  'reconstruction_exact',
  'own_soft',
  'own_greedy',
)


def _arm(label, content, back):
  on = lambda yes: tuple(_POSITIVE) if yes else 0.0
  return Arm(
    label,
    {
      'method': METHOD,
      'hparams.lambda_cnt': on(content),
      'hparams.lambda_back': on(back),
    },
  )


# Weights that an arm with the loss may have.
_POSITIVE = (0.1, 0.3, 1.0, 3.0, 10.0)
FULL = _arm('full', True, True)
NEITHER = _arm('neither', False, False)
AUTOENCODER = Arm('plain autoencoder', {'method': 'text_autoencoder'})
ARMS = (
  FULL,
  _arm('without L_cnt', False, True),
  _arm('without L_back', True, False),
  NEITHER,
  AUTOENCODER,
)


def _names(study: tables.Study) -> set[str]:
  return {name for name, _ in study.scores.columns}


def apart(score: str):
  """`(study) -> float [runs]`: full minus neither of the seed; 0 elsewhere."""

  def difference(study: tables.Study) -> np.ndarray:
    values = claims_lib.values_of(study, score)
    other = claims_lib.by_seed(study, NEITHER, values)
    seeds = study.runs['seed'].to_numpy()
    beside = np.array([other.get(seed, np.nan) for seed in seeds])
    full = claims_lib.runs_of(study, FULL)
    return np.where(full, values - beside, 0.0)

  return difference


def _guards(study: tables.Study) -> tuple[Guard, ...]:
  near = Guard(
    apart('transfer'), -NEAR, NEAR, 'transfer must be the same within 5 points'
  )
  both = Guard(
    apart('transfer_both'),
    0.0,
    reason='what is gained must not be sentences that were copied',
  )
  # Files have no grammar that says what a sentence is.
  known = 'transfer_both' in _names(study) or study.scores.empty
  return (near, both) if known else (near,)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper says of its losses of content, and the autoencoder."""
  guards = _guards(study)
  of = lambda statement, published, score, other, rule, guards: Claim(
    statement=statement,
    source=f'{PAPER}, table 1',
    published=published,
    arms=(FULL, other),
    score=score,
    rule=rule,
    guards=guards,
  )
  return (
    of(
      'Noun preservation and back-transfer keep content: more sentences keep '
      'a noun than with lambda_cnt = lambda_back = 0, at the same transfer.',
      '77.1 % against 38.3 % of another system',
      'transfer_content',
      NEITHER,
      Difference('higher'),
      guards,
    ),
    of(
      'The same by a measure of this project: more keep all but their '
      'polar words (content_exact).',
      'no such number',
      'content_exact',
      NEITHER,
      Difference('higher'),
      guards,
    ),
    of(
      'It costs perplexity: higher than with lambda_cnt = lambda_back = 0.',
      '80.1 against 27.0 of another system',
      'transfer_perplexity',
      NEITHER,
      Difference('higher'),
      guards,
    ),
    of(
      'Where labels are noisy the plain autoencoder transfers less (share '
      'grammatical and of the other polarity).',
      'implied',
      'transfer_exact',
      AUTOENCODER,
      Difference('higher'),
      (),
    ),
  )


def arms_table(study: tables.Study) -> pd.DataFrame:
  """A row per arm: runs, and mean scores with intervals."""
  return arms_lib.table(study, ARMS, TABLE)


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of every arm.

  Args:
    study: as loaded.

  Yields:
    The table, where there are runs.
  """
  table = arms_table(study)
  if len(table):
    yield Section(
      'attribute_transfer_arms',
      'What the losses of content do',
      'Held-out sentences under the other label; mean over seeds with 95 % '
      'interval. transfer: by a judge that no method trains; transfer_exact, '
      'content_exact and transfer_both: by the grammar, where there is one; '
      "own_soft and own_greedy: what the method's own classifier says.",
      table,
    )
