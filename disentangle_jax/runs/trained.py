"""Trained runs from what they left on disk: `load_run(path)`.

`DIR/params/<run_id>.safetensors` holds the parameters that represent and
decode, and in its metadata, as JSON, all that rebuilds the functions around
them.
"""

from collections.abc import Mapping, Sequence
import os
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import (
  errors,
  folders,
  handles,
  layouts,
  storage,
  types,
)
from disentangle_jax.data import kinds, observations
from disentangle_jax.engine.plan import group_shapes, registry, study_plan
from disentangle_jax.engine.workdir import exported, store
from disentangle_jax.methods import contract as contract_lib
from disentangle_jax.ops import gaussian
from disentangle_jax.runs import found_data

_WALK = tuple(np.linspace(-2, 2, 9))


class TrainedRun(NamedTuple):
  """A trained run, ready to be used.

  Attributes:
    method: the pure functions.
    dataset: what it was trained on.
    state: its state; only the parameters are those of the run, moments and
      step are zeros.
    about: method, config, dataset, hparams, seed and earlier phases as stored.
  """

  method: types.Method
  dataset: types.Dataset
  state: Any
  about: Mapping[str, Any]

  def __repr__(self) -> str:
    """One line: arrays and functions say little, and fill pages."""
    said = [f'{k}={v:g}' for k, v in self.about['hparams'].items()]
    count = sum(x.size for x in jax.tree.leaves(self.state.params))
    return (
      f'{self.about["method"]} ({", ".join(said)}), seed {self.about["seed"]}, '
      f'on {self.dataset.name}: {count:,} parameters, run_id '
      f'{self.about.get("run_id", "unknown")}'
    )

  def represent(self, observation: np.ndarray | jax.Array) -> types.Codes:
    """Codes of observations [B, ...]; `vector` is the mean [B, D].

    Args:
      observation: as the data set's kind says (`types.KINDS`): pictures as
        floats in [0, 1], as uint8 from 0 to 255 or as bool, tokens as integers.

    Raises:
      ConfigError: the method has no encoder, or shape, dtype or range do not
        fit.
    """
    represent = _ability(self, 'represent')
    seen = observations.read(self.dataset, observation)
    return jax.jit(represent)(self.state, seen)

  def decode(self, vector: np.ndarray | jax.Array) -> jax.Array:
    """Mean of p(x|z) at codes [B, D]: observations [B, ...].

    Raises:
      ConfigError: the method has no decoder.
    """
    decode = _ability(self, 'decode')
    return jax.jit(decode)(self.state, jnp.asarray(vector, jnp.float32))

  def traverse(
    self,
    observation: np.ndarray | None = None,
    values: np.ndarray | Sequence[float] = _WALK,
  ) -> jax.Array:
    """Observations while one latent after the other moves.

    Args:
      observation: one, as `represent` takes them, around whose code to move;
        None for the centre of the prior.
      values: of the moving latent, in prior standard deviations: [T], or
        [D, T] where every latent has its own.

    Returns:
      [D, T, *observation], e.g. float32 [D, T, H, W, C] of images.

    Raises:
      ConfigError: the method has no decoder, or no encoder and an observation.
    """
    _ability(self, 'decode')
    if observation is None:
      centre = jnp.zeros(self.num_latents)
    else:
      centre = self.represent(np.asarray(observation)[None]).vector[0]
    size = len(centre)
    steps = jnp.asarray(values, jnp.float32)
    steps = jnp.broadcast_to(steps, (size, steps.shape[-1]))
    rows = jnp.broadcast_to(centre, (*steps.shape, size))
    rows = jax.vmap(lambda row, d, v: row.at[:, d].set(v))(
      rows, jnp.arange(size), steps
    )
    images = self.decode(rows.reshape(-1, size))
    return images.reshape(*steps.shape, *images.shape[1:])

  def sample(self, count: int, seed: int = 0) -> dict[str, jax.Array]:
    """`count` examples of its data set: 'observation', 'factors', 'index'.

    Numbered draws: the n-th is the same for every count.
    """
    index = jnp.arange(count, dtype=jnp.int32)
    draw = jax.jit(self.dataset.sample)
    return draw(jax.random.key(seed), self.dataset.arrays, index)

  def kl(self, count: int = 256) -> np.ndarray:
    """KL of every Gaussian latent from the prior, float32 [D], nats.

    Raises:
      ConfigError: the method has no encoder, or no Gaussian latents.
    """
    parts = self.represent(self.sample(count)['observation']).parts
    if 'logvar' not in parts:
      raise errors.value('method', self.about['method'], 'has no posterior')
    kl = gaussian.kl_to_standard(parts['mean'], parts['logvar'])
    return np.asarray(jnp.mean(kl, axis=0))

  def generate(self, count: int, seed: int = 0, **options: Any) -> jax.Array:
    """Draws from the model: observations [count, ...].

    Args:
      count: how many.
      seed: of the draws.
      **options: those that the method has, e.g. frames or label.

    Raises:
      ConfigError: the method has no 'generate'.
    """
    generate = _ability(self, 'generate')
    draw = lambda key, state: generate(key, state, count, **options)[0]
    return jax.jit(draw)(jax.random.key(seed), self.state)

  def classify(self, observation: np.ndarray) -> jax.Array:
    """Logits float32 [B, classes] of observations [B, ...].

    Args:
      observation: as `represent` takes them.

    Raises:
      ConfigError: the method has no 'classify', or shape, dtype or range do not
        fit.
    """
    classify = _ability(self, 'classify')
    seen = observations.read(self.dataset, observation)
    return jax.jit(classify)(self.state, seen)

  def act(
    self, observation: np.ndarray, goal: np.ndarray | None = None, seed: int = 0
  ) -> jax.Array:
    """Actions [B, ...] at observations [B, ...].

    Args:
      observation: what the agent sees, as `represent` takes it.
      goal: what it is to reach, for methods that take one.
      seed: of the draw of actions.

    Raises:
      ConfigError: the method has no 'act', or the shape does not fit.
    """
    act = _ability(self, 'act')
    seen = observations.read(self.dataset, observation)
    return jax.jit(act)(jax.random.key(seed), self.state, seen, goal)

  def words(self, tokens: np.ndarray) -> list[str]:
    """Token sequences [N, L] as sentences; padding is left out.

    Raises:
      ConfigError: the data set has no vocabulary.
    """
    vocabulary = self.dataset.extras.get('vocabulary')
    if not vocabulary:
      raise errors.value('dataset', self.dataset.name, 'has no vocabulary')
    return kinds.sentences(tokens, vocabulary)

  @property
  def layout(self) -> types.Layout | None:
    """What stands in a code vector; None where there is no code."""
    if self.method.layout is not None or self.method.represent is None:
      return self.method.layout
    shape = (1, *self.dataset.observation_shape)
    observation = jax.ShapeDtypeStruct(shape, self.dataset.dtype)
    codes = jax.eval_shape(self.method.represent, self.state, observation)
    return layouts.layout_of(self.method, codes)

  @property
  def num_latents(self) -> int:
    """D, the width of a code.

    Raises:
      ConfigError: the method has no codes.
    """
    if self.layout is None:
      raise errors.value('method', self.about['method'], 'has no codes')
    return self.layout.width


def _ability(run: TrainedRun, name: str):
  ability = getattr(run.method, name, None) or run.method.extras.get(name)
  if ability is None:
    raise errors.value('method', run.about['method'], f'has no {name!r}')
  return ability


def path_of(path: pathlib.Path, run: int | str | None) -> pathlib.Path:
  """The file of a run's parameters.

  Args:
    path: a study's folder, or the file itself.
    run: number, or beginning of the run_id; None where `path` is the file.

  Returns:
    Its path; the stem is the run_id.

  Raises:
    ConfigError: a folder without a run, or a run that is not there.
    StoreError: no study in the folder.
  """
  if run is None:
    if storage.is_folder(path):
      rule = 'is a folder: give the number of a run, or its run_id, as well'
      raise errors.value('path', str(path), rule)
    return path
  if store.read_json(folders.study(path)) is None:
    raise errors.StoreError(f'{path}: holds no study.json')
  rows = store.read(path, ['run_id', 'run_number']).drop_duplicates()
  numbers = dict(zip(rows['run_id'], rows['run_number'].astype(int)))
  return folders.params(path, handles.find(run, numbers, 'run'))


def load_run(
  path: str | os.PathLike,
  number: int | str | None = None,
  *,
  methods: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
) -> TrainedRun:
  """Loads a trained run.

  Args:
    path: `DIR/params/<run_id>.safetensors`, or DIR itself with a run; DIR may
      be the address of a bucket.
    number: the run's number in the study, as reports show it, or the beginning
      of its run_id, which stays when seeds are added.
    methods: your own methods, name -> module, as for `sweep`.
    datasets: your own data sets, as for `sweep`.

  Returns:
    The run, with `represent`, `decode`, `traverse`, `generate`, `classify`,
    `act`, `sample` and `kl`. Where the files of its data set are gone, the set
    is a shell that knows shapes, names and sizes, and what draws from it
    (`sample`, `kl`) raises ConfigError.

  Raises:
    StoreError: no such run, or a file that is damaged.
    ConfigError: a method or data set that is not known, or data that are there
      and cannot be read.

  Warns:
    UserWarning: the data are not those that the run was trained on.
  """
  path = path_of(folders.workdir(path), number)
  arrays, about = exported.read(path)
  names = registry.of(methods, None, datasets)
  dataset, is_there = found_data.dataset(about, names, path)
  group = _group(about, names, dataset)
  if is_there:
    shapes = group_shapes.state_shapes(group)
  else:
    shapes = _state_shapes(group, about['batches'])
  return TrainedRun(
    group.method, dataset, exported.fill(shapes, arrays, path), about
  )


def _state_shapes(
  group: study_plan.Group, batches: Sequence[Mapping[str, Any]]
) -> Any:
  """`group_shapes.state_shapes` from stored shapes of batches."""
  own, *earlier = batches
  batch = {n: jax.ShapeDtypeStruct(*described) for n, described in own.items()}
  hparams = {k: jnp.float32(v) for k, v in group.contract.hparams.items()}
  frozen: tuple[Any, ...] = ()
  if group.before is not None:
    frozen = (_state_shapes(group.before, earlier),)
  init = group.method.init
  return jax.eval_shape(init, jax.random.key(0), batch, hparams, *frozen)


def _group(
  about: Mapping[str, Any], names: registry.Registry, dataset: types.Dataset
) -> study_plan.Group:
  """The functions around stored parameters, those of earlier phases first."""
  if about['method'] not in names.methods:
    raise errors.choices('methods', about['method'], names.methods)
  described = contract_lib.read(names.methods[about['method']], about['method'])
  after = about.get('after')
  before = None if after is None else _group(after, names, dataset)
  config = exported.static_config(described.module, about['config'])
  return study_plan.Group(
    method_name=about['method'],
    method=described.made(
      config, dataset, None if before is None else before.method
    ),
    contract=described,
    config=config,
    dataset=dataset,
    # Files of older versions do not say.
    batch_size=about.get('batch_size', 2),
    steps=0,
    runs=(),
    before=before,
  )
