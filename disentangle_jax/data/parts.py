"""Which images of a set training sees, and which are kept for judges.

A judge of codes (a classifier, say) is trained on the images that training saw
and tested on images that nothing saw. Such a set keeps its test images beside
the others on the device, as `arrays['test_images']` and
`arrays['test_factors']`.

Sets that split identities and keep their grid take `fold`, and so does a score
that looks at identities which training did not see.
"""

import dataclasses

import numpy as np

from disentangle_jax import checks, errors

TESTS = ('none', 'held_out', 'split')
# One image in seven: the share that MNIST's own test images have.
_HELD_OUT = 7


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    share: of the images that training draws from, in (0, 1]; the images of a
      smaller share are among those of a larger one.
    test: the images kept for judges: 'none', 'held_out' (one in seven of
      these, taken out before the share) or 'split' (the source's test split).
  """

  share: float = 1.0
  test: str = 'none'


def check(config: Config, tests: tuple[str, ...] = TESTS) -> None:
  """Raises ConfigError for an option out of range."""
  checks.number('config.dataset.share', config.share, 0.0, 1.0)
  if not config.share:
    raise errors.value('config.dataset.share', config.share, 'must be > 0')
  checks.choice('config.dataset.test', config.test, tests)


def is_divided(config: Config) -> bool:
  """Whether any image is kept from training."""
  return config.share < 1 or config.test != 'none'


def divide(count: int, config: Config) -> tuple[np.ndarray, np.ndarray]:
  """Numbers of the images for training and for tests.

  Args:
    count: number of images.
    config: checked; one fixed order of the images, the same on every machine
      and for every seed of a study, decides.

  Returns:
    int64 [N] and [M], sorted and without a number in common; M is 0 unless
    `test` is 'held_out'. At least one image is left for training.

  Raises:
    ConfigError: too few images to hold one out.
  """
  order = np.random.Generator(np.random.PCG64(0)).permutation(count)
  aside = count // _HELD_OUT if config.test == 'held_out' else 0
  if config.test == 'held_out' and not aside:
    rule = f'needs at least {_HELD_OUT} images, the set has {count}'
    raise errors.value('config.dataset.test', config.test, rule)
  seen = max(1, round(config.share * (count - aside)))
  return np.sort(order[aside : aside + seen]), np.sort(order[:aside])


def fold(count: int, number: int, folds: int) -> tuple[np.ndarray, np.ndarray]:
  """Numbers of the members outside and inside one fold.

  Args:
    count: number of members, at least `folds`.
    number: of the fold, 0 to folds - 1.
    folds: number of folds; their sizes differ by one at most.

  Returns:
    int64 [N] and [M], sorted; one fixed order of the members decides, the same
    on every machine, so that the folds share no member and together are all.
  """
  order = np.random.Generator(np.random.PCG64(0)).permutation(count)
  inside = np.arange(count) % folds == number
  return np.sort(order[~inside]), np.sort(order[inside])
