"""What a finished run leaves behind for reports: pictures and parameters.

`samples/<run_id>.npz` holds, of one run (T values of a latent, D latents, N
observations; `observation` is what one looks like, by the data set's kind:
uint8 [H, W, C], uint8 [frames, H, W, C] of a video, uint8 [depth, H, W, C] of
voxels, int32 [L] of tokens, float32 of a vector):

- 'kind': a key of `types.KINDS`; files without it are of images;
- 'traversals' [D, T, *observation], 'traversal_values' float32 [T];
- 'observations', 'reconstructions', 'generated' [N, *observation];
- 'kl' float32 [D], nats per latent, NaN where a latent has no posterior;
- 'pictures/<name>' uint8 [rows, columns, H, W, C], 'texts/<name>' int32
  [rows, L]: what the method's extras of these names give;
- 'vocabulary': words, token -> word.

What a method cannot give is left out.
"""

from collections.abc import Mapping, Sequence
import io
import json
import pathlib
from typing import Any
import zipfile

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors import numpy as safetensors

from disentangle_jax import errors, folders, packs, storage
from disentangle_jax.engine.plan import group_shapes, study_plan
from disentangle_jax.engine.programs import pictures as pictures_lib
from disentangle_jax.engine.workdir import shells
from disentangle_jax.nn import nets

_NEEDED = ('method', 'config', 'dataset', 'hparams', 'seed')


def write_pictures(
  workdir: pathlib.Path,
  group: study_plan.Group,
  runs,
  pictures: dict[str, np.ndarray],
  pack: str = '',
) -> None:
  """`samples/<run_id>.npz` of every run of a chunk, or the pack of them."""
  kind = group.dataset.kind
  values = pictures_lib.traversal_values(kind)
  about = {'kind': kind, 'traversal_values': values}
  vocabulary = group.dataset.extras.get('vocabulary')
  if vocabulary:
    about['vocabulary'] = np.array(vocabulary)

  def files():
    for r, run in enumerate(runs):
      buffer = io.BytesIO()
      own = {name: value[r] for name, value in pictures.items()}
      np.savez_compressed(buffer, **about, **own)
      yield folders.samples(workdir, run.run_id), buffer.getvalue()

  if pack:
    packs.write(folders.samples_pack(workdir, pack), files())
  else:
    storage.write_all(files())


def _named(params: Any) -> dict[str, Any]:
  """Leaves by 'encoder/Dense_0/kernel', in the tree's own order."""
  leaves = jax.tree_util.tree_flatten_with_path(params)[0]
  return {
    '/'.join(str(getattr(p, 'key', p)) for p in path): leaf
    for path, leaf in leaves
  }


def flatten(params: Any) -> dict[str, np.ndarray]:
  """Nested parameters as 'encoder/Dense_0/kernel' -> array."""
  return {name: np.asarray(leaf) for name, leaf in _named(params).items()}


def about_data(group: study_plan.Group) -> dict[str, Any]:
  """What rebuilds a run's functions without its data, as JSON values.

  Args:
    group: of the run.

  Returns:
    'data', as `shells.describe` gives it, and 'batches': of the group and of
    every phase before it, name of a field -> [shape, dtype].
  """
  batches, earlier = [], group
  while earlier is not None:
    batch = group_shapes.example_batch(earlier)
    batches.append({n: [list(x.shape), str(x.dtype)] for n, x in batch.items()})
    earlier = earlier.before
  return {'data': shells.describe(group.dataset), 'batches': batches}


def write_params(
  workdir: pathlib.Path,
  runs: Sequence[study_plan.Run],
  state: Any,
  group: study_plan.Group | None = None,
  pack: str = '',
) -> None:
  """`params/<run_id>.safetensors` of every run: what represents and decodes.

  Args:
    workdir: of the study.
    runs: the runs [R].
    state: theirs, stacked [R].
    group: of the runs; without it they load only beside their data.
    pack: name of the one file to put them in, '' for a file each.
  """
  flat = flatten(jax.device_get(state.params))
  data = {} if group is None else about_data(group)

  def files():
    for r, run in enumerate(runs):
      # A learned scale is a scalar, which ascontiguousarray makes a vector.
      own = {name: np.array(x[r], order='C') for name, x in flat.items()}
      metadata = {
        name: value if name == 'method' else json.dumps(value)
        for name, value in {**run.describe(), **data}.items()
      }
      content = safetensors.save(own, metadata=metadata)
      yield folders.params(workdir, run.run_id), content

  if pack:
    packs.write(folders.params_pack(workdir, pack), files())
  else:
    storage.write_all(files())


def _arrays(source) -> tuple[dict[str, np.ndarray], dict[str, str]]:
  """Arrays and metadata of a safetensors file, from its path or its bytes."""
  if isinstance(source, pathlib.Path):
    with safe_open(source, framework='numpy') as file:
      arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
      return arrays, file.metadata() or {}
  content = source.getvalue()
  arrays = safetensors.load(content)
  # The header: its length in 8 bytes, then JSON.
  header = json.loads(content[8 : 8 + int.from_bytes(content[:8], 'little')])
  return arrays, header.get('__metadata__', {})


def read(
  path: pathlib.Path, source: Any = None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
  """Arrays and parsed metadata of an exported run.

  Args:
    path: of the file.
    source: what `packs.sources` gives for it, where that is at hand.

  Raises:
    StoreError: it is missing, damaged, or no exported run.
  """
  try:
    source = packs.source(path) if source is None else source
    if isinstance(source, OSError):
      raise source
    arrays, about = _arrays(source)
  except (OSError, SafetensorError, zipfile.BadZipFile) as error:
    raise errors.StoreError(f'{path}: cannot be read: {error}') from error
  missing = [name for name in _NEEDED if name not in about]
  if missing:
    raise errors.StoreError(f'{path}: is no exported run: lacks {missing}')
  parsed = {
    name: value if name == 'method' else json.loads(value)
    for name, value in about.items()
  }
  return arrays, parsed


def static_config(module: Any, described: Mapping[str, Any]) -> Any:
  """The frozen Config that `study_plan.describe_static` described.

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
  named = _named(template.params)
  got = {name: tuple(x.shape) for name, x in arrays.items()}
  want = {name: tuple(leaf.shape) for name, leaf in named.items()}
  if got != want:
    odd = sorted(set(got.items()) ^ set(want.items()))[0]
    raise errors.StoreError(
      f'{path}: does not fit its config: {odd[0]} {odd[1]}'
    )
  zeros = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), template)
  tree = jax.tree.structure(template.params)
  # Published runs are stored in half precision.
  stored = [arrays[n].astype(leaf.dtype) for n, leaf in named.items()]
  params = jax.tree.unflatten(tree, stored)
  return zeros._replace(params=params)


def group_states(
  workdir: pathlib.Path,
  group: study_plan.Group,
  runs: Sequence[study_plan.Run],
  size: int,
) -> Any:
  """Stacked states [size] of finished runs, padded with the last one.

  Raises:
    StoreError: a file is missing or does not fit.
  """
  shapes = group_shapes.state_shapes(group)
  states = []
  paths = [folders.params(workdir, run.run_id) for run in runs]
  for path, source in zip(paths, packs.sources(paths)):
    states.append(fill(shapes, read(path, source)[0], path))
  states += [states[-1]] * (size - len(states))
  return jax.tree.map(lambda *x: np.stack(x), *states)
