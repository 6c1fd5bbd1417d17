"""What trained runs are called in a figure, under the names of papers."""

from collections.abc import Sequence

import numpy as np

from disentangle_jax import methods
from disentangle_jax.report import display
from disentangle_jax.runs import latents, trained

_COUNT = 2000  # observations that codes and factors are compared on
_LEAST = 0.1  # nats below which a latent tells of no factor


def of(
  runs: Sequence[trained.TrainedRun], names: display.Names
) -> tuple[str, list[str]]:
  """What runs have in common, and what sets each apart.

  Args:
    runs: on one data set.
    names: of papers.

  Returns:
    A title, '$\\beta$-VAE, $\\beta$ = 4, dSprites', and a name for each run,
    'seed 2', above it a line for the method and each hyper-parameter that not
    all share.
  """
  told = [_parts(run, names) for run in runs]
  keys = dict.fromkeys(key for parts in told for key in parts)
  shared = {k for k in keys if len({parts.get(k) for parts in told}) == 1}
  # Of what all share, hyper-parameters that are no strength go without saying.
  strong = {_strength(run.about['method']) for run in runs}
  said = [told[0][key] for key in keys if key in shared & {'', *strong}]
  title = ', '.join([*said, names.dataset(runs[0].dataset.name)])
  return title, [
    '\n'.join(
      [text for key, text in parts.items() if key not in shared]
      + [f'seed {run.about["seed"]}']
    )
    for run, parts in zip(runs, told)
  ]


def _strength(method: str) -> str | None:
  return getattr(methods.METHODS.get(method), 'STRENGTH', None)


def _parts(run: trained.TrainedRun, names: display.Names) -> dict[str, str]:
  """Texts of the method, under '', and of each hyper-parameter."""
  return {'': names.method(run.about['method'])} | {
    key: f'{names.hparam(key)} = {value:g}'
    for key, value in run.about['hparams'].items()
  }


def factors(
  run: trained.TrainedRun, kl: np.ndarray, count: int = _COUNT
) -> tuple[str, ...]:
  """Of each latent the factor that it has most mutual information with.

  Args:
    run: with an encoder.
    kl: float [D], nats; NaN where not known.
    count: observations to compare on.

  Returns:
    Names, '' for a latent that tells of none; () without factors.
  """
  if not run.dataset.factor_sizes:
    return ()
  table = latents.table_of(run, count)
  shared = np.nan_to_num(latents.mutual_information(table))
  # A draw of a latent cannot tell more of a factor than its KL.
  told = np.fmin(shared.max(axis=1), kl) >= _LEAST
  names = [name.replace('_', ' ') for name in table.names]
  return tuple(
    names[best] if tells else ''
    for best, tells in zip(shared.argmax(axis=1), told)
  )
