"""What a method may ask of a batch: frozen words, no logic.

`batch(config)` of a method's module gives a tuple of them, and
`data.samplers.make` draws what they ask for. 'observation', 'factors', 'index'
and the engine's 'step' (int32 scalar, not batched) are always there. Every row
depends on (key, example index) alone, so that it is the same however a batch is
split. What a data set cannot give is refused before anything is compiled.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Observation:
  """'observation' [B, ...], 'factors' int32 [B, K], 'index' int32 [B]."""


@dataclasses.dataclass(frozen=True)
class SecondBatch:
  """'second_observation' [B, ...]: an independent second batch."""


@dataclasses.dataclass(frozen=True)
class MoreObservations:
  """'more_observations' [B, n, ...]: n more independent draws for each row.

  For several updates per step (critics); update i takes `[:, i]`.

  Attributes:
    n: draws per row, at least 1.
  """

  n: int = 1


@dataclasses.dataclass(frozen=True)
class Shuffled:
  """'shuffled' [B, H, W, C]: the image with its square patches permuted.

  Attributes:
    patch: side of a patch, pixels; divides the image.
  """

  patch: int = 8


@dataclasses.dataclass(frozen=True)
class Label:
  """'label' int32 [B]: one factor by its grid index.

  Attributes:
    name: of the factor; None for the first.
  """

  name: str | None = None


@dataclasses.dataclass(frozen=True)
class Labelled:
  """A few examples with known factors, the same ones in every step and run.

  'labelled_observation' [B, ...] and 'labelled_factors' int32 [B, K]: `count`
  points are drawn once from `seed`, and B of them per step with replacement.

  Attributes:
    count: number of labelled examples.
    labeller: how labels are made: 'perfect'; 'binned' (at most 5 values);
      'noisy' (one label in ten is drawn anew); 'permuted' (values of a factor
      in another order); 'partial' (two factors; the others are -1).
    seed: of the points and of the labeller; no seed of a run changes it.
  """

  count: int = 100
  labeller: str = 'perfect'
  seed: int = 0


@dataclasses.dataclass(frozen=True)
class Pair:
  """A second observation that shares all but some factors with the first.

  'pair' [B, ...], 'pair_factors' int32 [B, K], 'pair_changed' bool [B, K].

  Attributes:
    changes: of 'uniform': how many factors differ, of those with more than one
      value; 0 draws the number for each pair, uniform from 1 to one less than
      the factors that can change. Fewer differ where the distribution of
      factors leaves no other value.
    transition: 'uniform' (which ones and their values) or 'laplace' (every
      free factor walks by a discrete Laplace step, at least one moves).
    rate: of 'laplace': p(v'|v) proportional to exp(-|v'-v| rate / log size),
      times the probability of v' given the other factors.
    fixed: names of factors that never change.
  """

  changes: int = 1
  transition: str = 'uniform'
  rate: float = 1.0
  fixed: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Varying:
  """A batch in which one kind of factor varies and all others are shared.

  'group' [B, ...], 'group_factors' int32 [B, K], 'group_kind' int32 [B], alike
  in all rows.

  Attributes:
    kinds: tuples of factor names that vary together; None for every factor
      alone.
    weights: how often each kind is drawn; None for alike.
  """

  kinds: tuple[tuple[str, ...], ...] | None = None
  weights: tuple[float, ...] | None = None


@dataclasses.dataclass(frozen=True)
class IdentityPair:
  """A second observation of the same identity, all else drawn anew.

  Of a stream with labels: any of the rows with the same ones.

  'identity_pair' [B, ...], 'identity_pair_factors' int32 [B, K].

  Attributes:
    identity: names of the factors that make an identity.
  """

  identity: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class IdentityGroup:
  """Distinct identities, several rows of each.

  'identity_group' [B, ...], 'identity_group_factors' int32 [B, K] and
  'identity_number' int32 [B]. Row i shows the batch's identity
  `i // per_identity`; B is identities x per_identity.

  Attributes:
    identity: names of the factors that make an identity.
    identities: per batch, all different.
    per_identity: rows of each.
  """

  identity: tuple[str, ...] = ()
  identities: int = 8
  per_identity: int = 4


@dataclasses.dataclass(frozen=True)
class Sequence:
  """A walk over the grid: moving factors step by one and turn at the ends.

  All of them turn where the next combination has no probability.

  'sequence' [B, T, ...], 'sequence_factors' int32 [B, T, K].

  Attributes:
    frames: T.
    moving: names of the factors that move; None for all.
  """

  frames: int = 8
  moving: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Transformed:
  """Images of one half of the set, and of the other half under a mechanism.

  'observation' comes from one half; 'transformed' [B, H, W, C] is an
  observation of the other half changed by a random mechanism, and 'mechanism'
  int32 [B] says which (for scores alone). No image has its clean twin: all
  other requests are drawn from the first half, too. With `more` there are
  'more_transformed' [B, more, H, W, C], independent draws of the same kind.

  Attributes:
    mechanisms: two names or more: 'invert', 'noise', and 'shift_<direction>'
      with a compass direction (n, ne, e, se, s, sw, w, nw).
    shift: of 'shift_*', pixels.
    noise_variance: of 'noise', before clipping to [0, 1].
    more: further draws per row; 0 for none.
  """

  mechanisms: tuple[str, ...] = ('invert', 'noise')
  shift: int = 4
  noise_variance: float = 0.25
  more: int = 0


@dataclasses.dataclass(frozen=True)
class Field:
  """A field that the data set itself names in `fields`.

  Attributes:
    name: e.g. 'action', 'symbol', 'mask', 'secondary'.
  """

  name: str


@dataclasses.dataclass(frozen=True)
class Symbol:
  """A symbol and one of the few images that it comes with.

  'symbol' float32 [B, S], k-hot, and 'symbol_observation' [B, ...]: of the
  trained concepts of a set that has some (`data.concepts`), each with a fixed
  list of images.
  """


@dataclasses.dataclass(frozen=True)
class Recombination:
  """Two symbols, an operator, and an image of what they make.

  'first_symbol' and 'second_symbol' float32 [B, S] are of trained concepts,
  'operator' is int32 [B] (all equally often), 'result_symbol' [B, S] what comes
  out and 'result_observation' [B, ...] any image of it.

  Attributes:
    trained_results: whether what comes out is always a trained concept.
  """

  trained_results: bool = False


Request = (
  Observation
  | SecondBatch
  | MoreObservations
  | Shuffled
  | Label
  | Labelled
  | Pair
  | Varying
  | IdentityPair
  | IdentityGroup
  | Sequence
  | Transformed
  | Field
  | Symbol
  | Recombination
)
