"""The contracts between the packages; no logic lives here.

Axis letters used in every docstring: R runs, B batch, T time, S slots,
L tokens, D codes (latent dimensions), K factors, H W C image height, width and
channels. Information quantities are in nats, summed over dimensions and
averaged over examples; losses are minimised.
"""

from collections.abc import Callable, Mapping
import dataclasses
import math
from typing import Any, NamedTuple, Protocol

import jax

Array = jax.Array
PyTree = Any


class Codes(NamedTuple):
  """What an encoder says about observations.

  Attributes:
    vector: float32 [..., D], the representation that metrics score.
    parts: named arrays with the same leading axes. Every VAE gives 'mean' and
      'logvar' (float32 [..., D]); discrete latents give 'class_logits'.
  """

  vector: Array
  parts: Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class Layout:
  """What stands in the vector of a method's codes, in this order.

  Attributes:
    gaussian: latents with a Gaussian posterior, whose 'mean' and 'logvar' are
      parts of the codes.
    plain: numbers without a distribution: codes of an autoencoder, components.
    classes: the numbers of values of categorical latents, one-hot each.
    ordered: whether a place in the vector stands for the same in all
      observations. False where slots may be exchanged: scores that read single
      codes are then refused.
  """

  gaussian: int = 0
  plain: int = 0
  classes: tuple[int, ...] = ()
  ordered: bool = True

  @property
  def width(self) -> int:
    """D, the length of the vector."""
    return self.gaussian + self.plain + sum(self.classes)


class Method(NamedTuple):
  """One published system: pure functions, safe under jit, vmap and shard_map.

  `state.params` holds everything that `represent`, `decode` and the extras
  read: running averages, batch statistics, what an earlier phase left. Only it
  survives a run; optimisers, critics, replay stand in other fields.

  Attributes:
    init: `(key, batch, hparams) -> state`; the batch serves for its shapes.
      Where the module's `after` gives a phase it is `(key, batch, hparams,
      frozen) -> state`, and `frozen` is the state of that phase's run, its
      parameters as trained and all else zeros.
    update: `(key, state, batch, hparams) -> (state, scalars)`: one published
      training step; `scalars` is a flat dict of float32 scalars with 'loss'.
    represent: `(state, observation [B, ...]) -> Codes`, or None when there is
      no encoder: scores of codes are then not to be had.
    decode: `(state, vector [B, D]) -> observation [B, ...]`, the mean of
      p(x|z), of tokens int32 [B, L] the greedy sentence; or None.
    extras: optional abilities by name; see EXTRAS.
    layout: what stands in the code vector; None where there is no code. A
      method with an encoder that leaves it out is taken to have as many
      Gaussian latents as its part 'mean' is wide, and plain numbers behind.
  """

  init: Callable[..., PyTree]
  update: Callable[..., tuple[PyTree, Mapping[str, Array]]]
  represent: Callable[..., Codes] | None
  decode: Callable[..., Array] | None
  extras: Mapping[str, Callable[..., Any]] = {}
  layout: Layout | None = None


# Abilities that consumers know by name; a method may have others of its own.
EXTRAS = {
  'log_likelihood': '(state, vector [B, D], observation) -> float32 [B], nats',
  'generate': (
    '(key, state, count, **options) -> (observation [count, ...], Codes): '
    'draws from the model; options that some have: frames, label'
  ),
  'sample_pair': (
    '(key, state, index int32 [B], same bool [B]) -> (observation [B, ...], '
    'observation): pairs that share what stands for the identity where same'
  ),
  'classify': '(state, observation) -> logits float32 [B, classes]',
  'classify_secondary': 'the same of observations of the other joined set',
  'act': '(key, state, observation, goal) -> action [B, ...]',
  'pictures': (
    '(key, state, observation) -> {name: float32 [rows, columns, H, W, C]}, '
    'in [0, 1]; stored and shown as they are'
  ),
  'texts': '(key, state, observation) -> {name: int32 tokens [rows, L]}',
  'decode_slots': (
    '(state, slots [B, S, D], mask bool [B, S]) -> observation [B, ...], '
    'decoded from the slots under the mask; parts of its codes: slots, and '
    'slot_kl [B, S], by which they fall'
  ),
  'exchange': (
    '(state, observation [B, ...], other [B, ...]) -> (observation, '
    'observation): what the two become that exchange their first entity'
  ),
  'resample_global': (
    '(key, state, vector [B, D]) -> vector [B, D], the global latents drawn '
    'anew from their prior'
  ),
  'resample_local': 'the same for the local latents',
  'local_view': '(state, observation) -> observation, what local latents see',
  'decode_local': '(state, vector [B, D]) -> observation from local latents',
  'embeddings': (
    '(key, state, observation, count) -> float32 [B, count, D], names of '
    'policies, drawn for each observation'
  ),
  'policies': (
    '(state, observation, embeddings [B, n, D]) -> float32 [B, n, actions], '
    'unnormalised log probabilities; a method with a fixed number of policies '
    'gives them all and takes None'
  ),
  'transition': (
    '(state, vector [B, D], embedding [B, D]) -> vector [B, D], where the '
    "embedding's policy leads"
  ),
  'codes_of_factors': '(state, factors int32 [B, K]) -> Codes',
  'decode_occupancy': (
    '(state, vector [B, D]) -> occupancy float32 [B, n, n, n] in [0, 1], the '
    'solid that a code stands for (`ops.projection`)'
  ),
  'grasp_logits': (
    '(state, observation, pose [B, G, 9], occupancy [B, n, n, n]) -> logits '
    'float32 [B, G] of success; the true occupancy is for ceilings alone'
  ),
  'perceive': (
    '(state, observation, occupancy) -> what a view says of grasps, a pytree'
  ),
  'judge': (
    '(state, percept, pose [B, G, 9]) -> logits [B, G]: `grasp_logits` of what '
    'was perceived, for many poses of one view'
  ),
  'plan_grasp': (
    '(key, state, observation, pose [B, 9], occupancy) -> pose [B, 9], moved '
    'to where success is predicted'
  ),
  'project': (
    '(state, occupancy, camera [B, 2]) -> (silhouette, depth) [B, H, W]'
  ),
  'local': (
    '(state, occupancy, pose [B, G, 9]) -> depths [B, G, side, side] that a '
    'hand sees'
  ),
  'preferences': (
    '(state, observation, factors int32 [B, K]) -> float32 [B, actions]: the '
    'largest is taken; the true factors are for ceilings alone'
  ),
  'plan': (
    '(key, state, observation, goal, previous [B, T, A] or None) -> actions '
    '[B, T, A]: the first of them is to be taken; previous is the plan before'
  ),
  'predict': (
    '(state, observation, action [B, A]) -> vector [B, D], the code of what '
    'follows'
  ),
  'filter': (
    '(key, state, film [B, T, ...]) -> samples of the states of a film, and '
    'their distributions'
  ),
  'bound': '(key, state, film) -> float32 [B], nats per film',
  'decode_frame': '(state, vector [..., D]) -> frames [..., H, W, C]',
  'predict_film': (
    '(state, vector [B, D], frames, key=None) -> (film [B, frames, ...], '
    'states): what follows a state, by means without a key'
  ),
  'independent_generation': (
    '(key, state, film, factor) -> film in which that factor alone moves'
  ),
  'partitioned': '() -> bool, whether each factor has a transition of its own',
  'latents': (
    '(key, state, count, frames=None) -> (content [count, dC], motion '
    '[count, T, dM]), of clips'
  ),
  'render_latents': '(state, content, motion) -> clips [B, T, H, W, C]',
  'transfer': (
    '(state, tokens int32 [B, L], label int32 [B]) -> tokens int32 [B, L], '
    'each sentence written anew under its label, greedily'
  ),
  'attention': (
    '(state, tokens, label) -> float32 [B, T, L], where each of the T words of '
    '`transfer` looks in the sentence that is read'
  ),
  'classify_transferred': (
    '(state, tokens, label, temperature) -> (logits [B, classes], logits): the '
    "method's own classifier of the soft sentence and of the greedy one"
  ),
  'write': (
    '(state, vector [B, D]) -> tokens int32 [B, L], greedy sentences of codes; '
    'a method with several decoders takes the name of one, decoder='
  ),
  'concept': (
    '(state, symbol float32 [B, S]) -> (mean, logvar) float32 [B, D], what a '
    'k-hot symbol stands for (`ops.concepts`)'
  ),
  'sym2img': (
    '(key, state, symbol [B, S], count) -> observation [B, count, ...]: '
    'decoded draws of what symbols stand for'
  ),
  'img2sym': (
    '(state, observation) -> probabilities float32 [B, S] of the places of a '
    'symbol'
  ),
  'recombine': (
    '(state, (mean, logvar), (mean, logvar), operator int32 [B]) -> (mean, '
    'logvar) [B, D]: what an operator makes of two concepts'
  ),
  'classify_code': '(state, vector [B, D]) -> logits float32 [B, classes]',
  'traverse_code': (
    '(state, vector [B, D], sources [n, D], targets [m, D], budget, '
    'towards=None, scale=None, num_steps=200) -> `ops.traversal.Traversed`: '
    'codes moved to where those of targets are'
  ),
  'decoders': (
    '() -> {name: field that it writes} of the decoders that `write` and '
    '`log_likelihood` take, that of the observation first'
  ),
  'interpolate': (
    '(state, first int32 [B, L], second int32 [B, L], points) -> tokens int32 '
    '[B, points + 2, L], sentences of codes on the line between those of two, '
    'both ends included'
  ),
}


@dataclasses.dataclass(frozen=True)
class Phase:
  """The run that another run starts from.

  It takes the later run's net, data set, batch size, and every static field and
  hyper-parameter that both have; then what the config says under its name
  (`config.static.<name>`, `config.hparams.<name>`, `config.phases.<name>`);
  then `static`.

  Attributes:
    method: name of its method.
    static: fields of its Config that the later run settles.
    name: under which the config speaks of it; '' for the method's name. All
      names along a chain differ.
  """

  method: str
  static: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  name: str = ''


class MethodModule(Protocol):
  """What a method's module says; `methods.contract.read` knows the defaults.

  Attributes:
    HPARAMS: traced hyper-parameters, name -> default; the names that a sweep
      may vary without a new compile.
    Config: frozen dataclass of static choices, all with defaults.
    make: `(config, data) -> Method`; `(config, data, before)` where `after`
      gives a phase, and `before` is the Method of that phase.
    STRENGTH: the hyper-parameter on a report's axis, or '<phase>.<hparam>' of
      an earlier phase; None by default.
    batch: `(config) -> tuple of requests` (`disentangle_jax.requests`), what
      the batch must hold; `(Observation(),)` by default.
    after: `(config) -> Phase | None`, what a run starts from; None by default.
    BOUNDS: hyper-parameter -> (least, greatest); 0 to infinity by default.
    MIN_BATCH: least number of examples in a batch; 1 by default.
    MAY_BE_ZERO: integers of Config that may be 0 although their defaults are
      not; () by default, and integers are at least 1.
    LEARNS: whether anything but the count of steps changes; True by default.
    PROGRESS: the scalar that falls in training, 'loss' by default; None where
      none does.
    SPLITS: whether a batch may be split over devices; True by default. False
      where the state holds something per example, e.g. copies of an
      environment.
    TEST: static fields and data set of the contract test, {'dataset': (name,
      {...}), 'static': {...}}; {} by default.
  """

  HPARAMS: Mapping[str, float]
  Config: type
  make: Callable[..., Method]


class Score(NamedTuple):
  """What one score is; a metric's module lists them in SCORES.

  Attributes:
    definition: one sentence; '' for the first one of the module's docstring.
    direction: 'higher' or 'lower' is better, or 'none'.
    low: least value that the definition allows.
    high: greatest value.
  """

  definition: str = ''
  direction: str = 'none'
  low: float = -math.inf
  high: float = math.inf


class Intervention(NamedTuple):
  """Points in groups, and the factor that was held or changed in each group.

  Which one it was cannot be told from the points: another factor may be
  constant in a group by chance, or because it is a function of the one held.

  Attributes:
    points: int32 [..., K], grid indices; of given rows int [...], their
      numbers.
    factor: int32 [G], number of the factor of each of the last G groups along
      the first axis of the points; groups before them are free.
  """

  points: Array
  factor: Array


class Design(NamedTuple):
  """At which points of the factor grid a metric wants codes.

  Attributes:
    sample: `(key) -> int32 [..., K]`, grid indices, independent or in an order
      of the design's own; an Intervention where a factor is held or changed.
    draw: `(generator, factors int [N, K], num_train) -> int [...]`, numbers of
      given rows in the same arrangement, an Intervention where `sample` gives
      one; the first `num_train` rows serve for training, the others for
      testing. Raises ConfigError when the rows cannot supply it. None: rows
      that a user has cannot be scored.
    kind: 'points' (independent ones: metrics share what is encoded, and a
      stream can supply them), 'split' (the same, the last of them for testing)
      or 'chosen' (all else).
  """

  sample: Callable[[Array], Array]
  draw: Callable[..., Any] | None = None
  kind: str = 'chosen'


class Metric(NamedTuple):
  """A score of codes against factors; sees neither pixels nor models.

  `make(config, data)` of its module reads of the data set only names and sizes
  of factors, the number of examples and whether it renders; data sets that
  agree in these share the metric.

  Attributes:
    design: at which points it wants codes.
    score: `(key, codes, factors) -> {name: float32 scalar}`; `factors` is what
      the design gave, int32 [..., K] or an Intervention, and `codes` has the
      leading axes of its points. Fixed shapes, safe under jit and vmap.
    needs: names of the parts of Codes that it reads beyond the vector.
    over: 'run' (vmapped over runs by the engine) or 'seeds' (codes [S, ..., D]
      of runs that differ in the seed alone -> float32 [S]; it leaves out runs
      whose codes are not finite, and gives them NaN).
    constants: what the numbers depend on; stored beside every score.
    per_representation: whether the score differs between the mean and the
      sampled representation.
    reads_factors: whether it can not be had on a data set without factors.
    any_order: whether it may be asked of codes that are not `Layout.ordered`:
      it says itself which slot of one observation matches which of another.
  """

  design: Design
  score: Callable[[Array, Codes, Array], Mapping[str, Array]]
  needs: tuple[str, ...]
  over: str
  constants: Mapping[str, Any]
  per_representation: bool = True
  reads_factors: bool = True
  any_order: bool = False


class Probe(NamedTuple):
  """A score of a model: what it reconstructs, draws, does under attack.

  `make(config, data)` of its module may read all of the data set.

  Attributes:
    fit: `(key, arrays) -> context`, a pytree of arrays, e.g. a classifier of
      images that judges what models decode; `arrays` are the data set's.
      Compiled and run once per data set and metric seed, for all runs. None:
      nothing is fitted, and the context is ().
    score: `(key, context, method, state, arrays, batch) -> {name: float32
      scalar}`. The key is the same for all runs: they meet equal draws. Fixed
      shapes, safe under jit, vmap and `lax.map`. A table has one name per cell,
      'score/<cell>', without a further '/'.
    requires: what the method must offer: 'represent', 'decode' or the name of
      an extra.
    needs: names of the parts of Codes that it reads.
    constants: stored beside every score.
    examples: how many iid observations the engine draws and encodes for it:
      `batch` has 'observation', 'factors', 'index' and, where the method has an
      encoder, 'codes'. 0: `batch` is None, and `score` draws what it needs.
    reduce: 'mean' (`score` is called on blocks of the examples that fit the
      memory, with a key per block, and the scores are averaged by rows) or
      'whole' (called once with all of them, for scores that are no means over
      examples).
    per_representation: whether the score differs between the mean and the
      sampled representation; `batch['codes'].vector` is the one scored.
    kinds: of observations that it is defined for, keys of KINDS; () for all.
    at_once: runs of a device that are scored in one vmap; 0 for as many as
      memory allows (all of them where there are no examples).
    any_order: False for one that reads single codes, which must then stand for
      the same in all observations (`Layout.ordered`).
  """

  fit: Callable[[Array, PyTree], PyTree] | None
  score: Callable[..., Mapping[str, Array]]
  requires: tuple[str, ...] = ()
  needs: tuple[str, ...] = ()
  constants: Mapping[str, Any] = {}
  examples: int = 0
  reduce: str = 'mean'
  per_representation: bool = False
  kinds: tuple[str, ...] = ()
  at_once: int = 0
  any_order: bool = True


class MetricModule(Protocol):
  """What a metric's module says; `metrics.catalogue` reads it.

  Its docstring becomes a section of docs/metrics.md.

  Attributes:
    SCORES: key -> Score, all that `score` returns; 'kl' stands for 'kl/3' too.
    CITATION: paper and equation.
    Config: frozen dataclass of constants, all with defaults. One with a field
      `continuous` also takes factors that are real numbers.
    make: `(config, data) -> Metric | Probe`.
    COST: seconds per run, as `catalogue.COST_MACHINE` says; left out where it
      was not measured.
    OFFSET_FREE: whether shifting a code leaves the scores as they are; True by
      default. Given codes with a large offset are then centred.
    ORDER_FREE: whether the order of the codes leaves the scores as they are;
      True by default.
    RESAMPLING: how `metrics.evaluate` resamples rows for an interval:
      'bootstrap' (smooth means over rows), 'subsample' (by default), 'debiased'
      (plug-in information) or None (no interval); see `metrics.resampling`.
  """

  SCORES: Mapping[str, Score]
  CITATION: str
  Config: type
  make: Callable[..., Metric | Probe]


class Environment(NamedTuple):
  """What an agent acts in, as pure functions of one unbatched state.

  A data set carries it in `extras['environment']`. Two ways to use it are
  sound: roll out whole episodes inside `update` from keys per example (then a
  batch may be split over devices), or keep copies and replay in the method's
  state (then the module says `SPLITS = False`).

  Attributes:
    reset: `(key) -> s`, a start, any pytree.
    step: `(key, s, action) -> (s, reward float32, done bool)`; `done` is a
      terminal state, never a limit of time.
    observe: `(arrays, s, key) -> observation`, as the data set's.
    legal: `(s) -> bool [num_actions]`, actions that change something.
    num_actions: number of discrete actions; 0 where they are continuous.
    action_shape: of one action, () for a discrete one.
  """

  reset: Callable[..., PyTree]
  step: Callable[..., tuple[PyTree, Array, Array]]
  observe: Callable[..., Array]
  legal: Callable[..., Array]
  num_actions: int
  action_shape: tuple[int, ...] = ()


# What an observation is: pictures, films, sentences, numbers, solids. Readers
# ask for the kind, never for the number of axes.
KINDS = {
  'image': 'float32 [H, W, C] in [0, 1]',
  'video': 'float32 [T, H, W, C] in [0, 1]',
  'tokens': 'int32 [L], words of a vocabulary; 0 is padding',
  'vector': 'float32 [...], numbers of any range',
  'voxels': 'float32 [depth, H, W, C] in [0, 1]',
}


class Dataset(NamedTuple):
  """Observations with, where they exist, the factors that made them.

  Attributes:
    name: the key in `disentangle_jax.data.DATASETS`.
    factor_names: K names.
    factor_sizes: K numbers of grid values.
    factor_values: K float arrays, grid index -> real value.
    observation_shape: of one observation, as its kind says.
    arrays: pytree that the functions below read; () if procedural. Always an
      argument of jitted code, never closed over.
    render: `(arrays, factors int32 [K], key) -> float32 [0, 1]` observation,
      unbatched, channels last; None for a stream.
    sample: `(key, arrays, index int32 [B]) -> batch`, a dict with
      'observation' [B, ...], 'factors' int32 [B, K] and 'index' [B]. Row b
      depends on (key, index[b]) alone, so that it is the same on every mesh.
    log_density: `(factors int32 [..., K]) -> float32 [...]`, the log
      probability of a grid point under `sample`, nats.
    deterministic: whether `render` ignores its key (no nuisance noise).
    kind: a key of KINDS.
    dtype: of observations, 'float32' or 'int32'.
    fields: names of what `sample` gives beside these three (actions, symbols,
      masks, another set's observation); a method asks for them with
      `requests.Field`.
    extras: 'environment' (an Environment), 'vocabulary' (tuple of words, token
      -> word), 'secondary' (the other set of a joined one: a Dataset),
      'paired_by' (of a joined one whose rows share a label: the numbers of
      that factor in both sets), 'rows' (of a stream: `data.stream.Rows`),
      'entities' (number of sprites of a scene, each with an equally long block
      of factors whose first one is whether it exists), 'fields' (of a grid:
      name -> `(arrays, factors, key) -> value`), 'summary' (of own data: what
      was read, one line), 'words' (of factors that are text: name -> level ->
      word), 'part' (name of the part of its identities that `sample` draws),
      'positions' (of a video: `(arrays, factors, key) -> float32 [T, objects,
      2]`, pixels, of what `render` shows), 'scene' (of objects to grasp: a
      `projection.Scene`), 'novel' (of these: which training never draws),
      'moves' (of an environment whose states are grid points: int
      [num_actions, K], what a legal action adds to one, if that is a move),
      'task' (of a world with two domains: `data.control.seek_avoid.Task`),
      'vocabularies' (of fields that are tokens: name -> token -> word),
      'concepts' (`data.concepts.Concepts`: symbols of what is seen),
      'lengths' (of these fields: name -> L), 'syntax', 'prototypes' (see
      `data.text.syntax`), 'analogies' (`(key, count) -> int32 [count, 4, L]`,
      sentences of which a - b + c should be d),
      'grammar' (`data.text.grammar.Grammar`: what any tokens are), 'held_out'
      (`(key, arrays, index) -> batch` of what `sample` never draws).
    num_examples: number of different observations: the product of the factor
      sizes for a grid (0: that product), the number of images for a stream.
  """

  name: str
  factor_names: tuple[str, ...]
  factor_sizes: tuple[int, ...]
  factor_values: tuple[Any, ...]
  observation_shape: tuple[int, ...]
  arrays: PyTree
  render: Callable[..., Array] | None
  sample: Callable[..., Mapping[str, Array]]
  log_density: Callable[[Array], Array]
  deterministic: bool
  kind: str = 'image'
  dtype: str = 'float32'
  fields: tuple[str, ...] = ()
  extras: Mapping[str, Any] = {}
  num_examples: int = 0
