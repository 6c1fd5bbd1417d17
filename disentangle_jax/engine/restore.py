"""Trained runs from what they left on disk: `load_run(path)`.

`DIR/params/<run_id>.safetensors` holds the parameters that represent and
decode, and in its metadata, as JSON, all that rebuilds the functions around
them.
"""

from collections.abc import Mapping, Sequence
import json
import os
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open

from disentangle_jax import errors, types
from disentangle_jax.engine import names as names_lib
from disentangle_jax.engine import plan as plan_lib
from disentangle_jax.engine import store, study
from disentangle_jax.nn import nets
from disentangle_jax.ops import gaussian

_WALK = tuple(np.linspace(-2, 2, 9))
_NEEDED = ('method', 'config', 'dataset', 'hparams', 'seed')


class TrainedRun(NamedTuple):
  """A trained run, ready to be used.

  Attributes:
    method: the pure functions.
    dataset: what it was trained on.
    state: its state; only the parameters are those of the run, moments and
      step are zeros.
    about: method, config, dataset, hparams, seed as stored.
  """

  method: types.Method
  dataset: types.Dataset
  state: Any
  about: Mapping[str, Any]

  def represent(self, observation: np.ndarray) -> types.Codes:
    """Codes of observations [B, ...] in [0, 1]; `vector` is the mean [B, D].

    Raises:
      ConfigError: the method has no encoder, or the shape does not fit.
    """
    represent = _ability(self, 'represent')
    observation = _batch(self, observation)
    return jax.jit(represent)(self.state, observation)

  def decode(self, vector: np.ndarray) -> jax.Array:
    """Mean of p(x|z) at codes [B, D]: float32 [B, ...].

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
    """Images while one latent after the other moves.

    Args:
      observation: [H, W, C], around whose code to move; None for the centre of
        the prior.
      values: of the moving latent, in prior standard deviations: [T], or
        [D, T] where every latent has its own.

    Returns:
      float32 [D, T, H, W, C].

    Raises:
      ConfigError: the method has no decoder, or no encoder and an observation.
    """
    _ability(self, 'decode')
    if observation is None:
      centre = jnp.zeros(self.num_latents)
    else:
      centre = self.represent(np.asarray(observation)[None]).vector[0]
    size = len(centre)
    values = jnp.asarray(values, jnp.float32)
    values = jnp.broadcast_to(values, (size, values.shape[-1]))
    rows = jnp.broadcast_to(centre, (*values.shape, size))
    rows = jax.vmap(lambda row, d, v: row.at[:, d].set(v))(
      rows, jnp.arange(size), values
    )
    images = self.decode(rows.reshape(-1, size))
    return images.reshape(*values.shape, *images.shape[1:])

  def sample(self, count: int, seed: int = 0) -> dict[str, jax.Array]:
    """`count` examples of its data set: 'observation', 'factors', 'index'."""
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

  @property
  def num_latents(self) -> int:
    """D, the width of a code."""
    if self.method.represent is None:
      return len(self.dataset.factor_sizes)
    shape = jax.ShapeDtypeStruct(
      (1, *self.dataset.observation_shape), 'float32'
    )
    codes = jax.eval_shape(self.method.represent, self.state, shape)
    return codes.vector.shape[-1]


def _ability(run: TrainedRun, name: str):
  found = getattr(run.method, name)
  if found is None:
    raise errors.value('method', run.about['method'], f'has no {name!r}')
  return found


def _batch(run: TrainedRun, observation: np.ndarray) -> jax.Array:
  observation = jnp.asarray(observation, jnp.float32)
  wanted = run.dataset.observation_shape
  if observation.shape[1:] != tuple(wanted):
    raise errors.value(
      'observation', observation.shape, f'must have shape (B, *{wanted})'
    )
  return observation


def _read(path: pathlib.Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
  """Arrays and parsed metadata of an exported run."""
  try:
    with safe_open(path, framework='numpy') as file:
      arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
      about = file.metadata() or {}
  except (OSError, SafetensorError) as error:
    raise errors.StoreError(f'{path}: cannot be read: {error}') from error
  missing = [name for name in _NEEDED if name not in about]
  if missing:
    raise errors.StoreError(f'{path}: is no exported run: lacks {missing}')
  parsed = {
    name: about[name] if name == 'method' else json.loads(about[name])
    for name in _NEEDED
  }
  return arrays, parsed


def static_config(module: Any, described: Mapping[str, Any]) -> Any:
  """The frozen Config that `plan.describe_static` described.

  Args:
    module: the method's module.
    described: its fields as JSON values.

  Returns:
    An equal Config.
  """
  fields = {}
  for name, value in described.items():
    if isinstance(value, Mapping):
      value = {**value}
      value = nets.make_config(value.pop('name'), value)
    fields[name] = tuple(value) if isinstance(value, list) else value
  return module.Config(**fields)


def fill(
  template: Any, arrays: Mapping[str, np.ndarray], path: pathlib.Path
) -> Any:
  """A state of zeros with the stored parameters.

  Args:
    template: state of shapes, with `params`.
    arrays: 'encoder/Dense_0/kernel' -> array.
    path: where they are from, for errors.

  Returns:
    The state.

  Raises:
    StoreError: names or shapes differ.
  """
  leaves, tree = jax.tree_util.tree_flatten_with_path(template.params)
  named = {
    '/'.join(str(getattr(p, 'key', p)) for p in where): leaf
    for where, leaf in leaves
  }
  got = {name: tuple(x.shape) for name, x in arrays.items()}
  want = {name: tuple(leaf.shape) for name, leaf in named.items()}
  if got != want:
    odd = sorted(set(got.items()) ^ set(want.items()))[0]
    raise errors.StoreError(
      f'{path}: does not fit its config: {odd[0]} {odd[1]}'
    )
  zeros = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), template)
  params = jax.tree.unflatten(tree, [arrays[name] for name in named])
  return zeros._replace(params=params)


def template(
  method: types.Method, module: Any, config: Any, dataset: types.Dataset
) -> Any:
  """Shapes of a method's state."""
  sample = plan_lib.sampler(module, config, dataset)
  key, index = jax.random.key(0), jnp.arange(2)
  batch = jax.eval_shape(sample, key, dataset.arrays, index)
  hparams = {k: jnp.float32(v) for k, v in module.HPARAMS.items()}
  return jax.eval_shape(method.init, key, batch, hparams)


def params_of(workdir: pathlib.Path, run_id: str) -> pathlib.Path:
  """Where a run's parameters are."""
  return workdir / 'params' / f'{run_id}.safetensors'


def group_states(
  workdir: pathlib.Path,
  group: plan_lib.Group,
  runs: Sequence[plan_lib.Run],
  size: int,
) -> Any:
  """Stacked states [size] of finished runs, padded with the last one.

  Raises:
    StoreError: a file is missing or does not fit.
  """
  shapes = template(group.method, group.module, group.config, group.dataset)
  states = []
  for run in runs:
    path = params_of(workdir, run.run_id)
    states.append(fill(shapes, _read(path)[0], path))
  states += [states[-1]] * (size - len(states))
  return jax.tree.map(lambda *x: np.stack(x), *states)


def _path(path: pathlib.Path, number: int | None) -> pathlib.Path:
  if number is None:
    if path.is_dir():
      raise errors.value(
        'path', str(path), 'is a folder: give the number of a run as well'
      )
    return path
  contents = store.read_json(path / study.FILE)
  rows = store.read(path, ['run_id', 'run_number'])
  found = rows.loc[rows['run_number'] == number, 'run_id']
  if contents is None or found.empty:
    raise errors.StoreError(f'{path}: holds no finished run {number}')
  return params_of(path, found.iloc[0])


def load_run(
  path: str | os.PathLike,
  number: int | None = None,
  *,
  methods: Mapping[str, Any] | None = None,
  datasets: Mapping[str, Any] | None = None,
) -> TrainedRun:
  """Loads a trained run.

  Args:
    path: `DIR/params/<run_id>.safetensors`, or DIR itself with a number.
    number: the run's number in the study, as reports show it.
    methods: your own methods, name -> module, as for `sweep`.
    datasets: your own data sets, as for `sweep`.

  Returns:
    The run, with `represent`, `decode`, `traverse`, `sample` and `kl`.

  Raises:
    StoreError: no such run, or a file that is damaged.
    ConfigError: a method or data set that is not known.
  """
  path = _path(pathlib.Path(path), number)
  arrays, about = _read(path)
  names = names_lib.registry(methods, None, datasets)
  if about['method'] not in names.methods:
    raise errors.choices('methods', about['method'], names.methods)
  if about['dataset'][0] not in names.datasets:
    raise errors.choices('datasets', about['dataset'][0], names.datasets)
  module = names.methods[about['method']]
  dataset = names_lib.load_dataset(tuple(about['dataset']), names)
  config = static_config(module, about['config'])
  method = module.make(config, dataset)
  shapes = template(method, module, config, dataset)
  return TrainedRun(method, dataset, fill(shapes, arrays, path), about)
