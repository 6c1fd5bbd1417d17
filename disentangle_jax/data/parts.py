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
    labelled: images of each class (the first factor) that training draws from,
      of those of the share; 0 for all. Fewer are among those of more.
  """

  share: float = 1.0
  test: str = 'none'
  labelled: int = 0


def check(config: Config, tests: tuple[str, ...] = TESTS) -> None:
  """Raises ConfigError for an option out of range."""
  checks.number('config.dataset.share', config.share, 0.0, 1.0)
  if not config.share:
    raise errors.value('config.dataset.share', config.share, 'must be > 0')
  checks.choice('config.dataset.test', config.test, tests)
  checks.integer('config.dataset.labelled', config.labelled, 0)


def is_divided(config: Config) -> bool:
  """Whether any image is kept from training."""
  return config.share < 1 or config.test != 'none' or config.labelled > 0


def divide(
  count: int, config: Config, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
  """Numbers of the images for training and for tests.

  Args:
    count: number of images.
    config: checked; one fixed order of the images, the same on every machine
      and for every seed of a study, decides.
    labels: int [count], the class of each image; None where there is none.

  Returns:
    int64 [N] and [M], sorted and without a number in common; M is 0 unless
    `test` is 'held_out'. At least one image is left for training.

  Raises:
    ConfigError: too few images to hold one out; labels that are asked for and
      missing, or a class with fewer images than are asked for.
  """
  order = np.random.Generator(np.random.PCG64(0)).permutation(count)
  aside = count // _HELD_OUT if config.test == 'held_out' else 0
  if config.test == 'held_out' and not aside:
    rule = f'needs at least {_HELD_OUT} images, the set has {count}'
    raise errors.value('config.dataset.test', config.test, rule)
  seen = max(1, round(config.share * (count - aside)))
  rows = order[aside : aside + seen]
  if config.labelled:
    rows = _first_of_each(rows, labels, config.labelled)
  return np.sort(rows), np.sort(order[:aside])


def _first_of_each(
  rows: np.ndarray, labels: np.ndarray | None, wanted: int
) -> np.ndarray:
  """The first rows of every class, in their order."""
  field = 'config.dataset.labelled'
  if labels is None:
    raise errors.value(field, wanted, 'must be 0: the images have no labels')
  labels = np.asarray(labels)
  chosen = []
  for label in range(int(labels.max()) + 1):
    of_class = rows[labels[rows] == label]
    if len(of_class) < wanted:
      rule = f'class {label} has {len(of_class)} images to choose from'
      raise errors.value(field, wanted, rule)
    chosen.append(of_class[:wanted])
  return np.concatenate(chosen)


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
