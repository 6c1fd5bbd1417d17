"""Novel objects of the data set 'graspable', for scores of grasping."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.data.procedural import graspable, vessels
from disentangle_jax.ops import poses

CATEGORIES = vessels.CATEGORIES


class Novel:
  """Views and grasps of the objects that training never drew.

  Attributes:
    scene: cameras and grid.
    elevations: of training, then new ones; degrees.
    seen: how many of them are of training.
    cameras: number of cameras at each elevation.
    numbers: int32 [N], of the objects, in turn of every category.
  """

  def __init__(self, data: types.Dataset, field: str):
    """Reads what a data set says of its novel objects.

    Args:
      data: 'graspable'.
      field: what to name in errors.

    Raises:
      ConfigError: another data set, or one without novel objects.
    """
    shape = data.extras.get('scene')
    novel = data.extras.get('novel')
    if shape is None or novel is None:
      rule = "has no novel objects to grasp: take 'graspable'"
      raise errors.value(f'{field}: config.dataset.name', data.name, rule)
    if 'colour' not in data.arrays:
      rule = f"has another distribution of factors; {field} needs 'uniform'"
      raise errors.value('config.dataset.name', data.name, rule)
    self.scene = shape
    self.numbers = jnp.arange(novel['first'], novel['objects'])
    self.elevations = novel['elevations']
    self.seen = novel['seen']
    self.cameras = novel['cameras']

  def check_camera(self, camera: int, field: str) -> None:
    """Raises ConfigError for a camera that the data set lacks."""
    checks.integer(f'{field}.camera', camera, 0, self.cameras - 1)

  def view(
    self, arrays: Any, number: jax.Array, elevation: jax.Array, camera: int = 0
  ) -> dict[str, jax.Array]:
    """One view of an object, with its grasps in the frame of that view.

    Args:
      arrays: of the data set.
      number: int32 scalar, of the object.
      elevation: int32 scalar.
      camera: which one at that elevation.

    Returns:
      'observation' float32 [1, H, W, 5], 'occupancy' float32 [1, n, n, n],
      'pose' float32 [1, G, 9], 'label' bool [G], 'azimuth' float32 scalar.
    """
    at = (number, elevation, jnp.int32(camera))
    observation = graspable.observation(arrays, self.scene, self.elevations, at)
    azimuth = arrays['azimuth'][at]
    pose = poses.pose_seen_from(arrays['pose'][number], azimuth)
    occupancy = arrays['occupancy'][at].astype(jnp.float32) / 255.0
    return {
      'observation': observation[None],
      'occupancy': occupancy[None],
      'pose': pose[None],
      'label': arrays['label'][number],
      'azimuth': azimuth,
    }

  def of_views(self, function: Callable[[Any, Any], Any]) -> Any:
    """Asks a function of every novel object from every elevation, in turns.

    Args:
      function: `(number, elevation) -> arrays`, int32 scalars as of `view`.

    Returns:
      Its results, leaves [N, elevations, ...].
    """
    shape = (len(self.numbers), len(self.elevations))
    asked = (
      jnp.repeat(self.numbers, shape[1]),
      jnp.tile(jnp.arange(shape[1]), shape[0]),
    )
    rows = jax.lax.map(lambda at: function(*at), asked)
    return jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), rows)


def by_category(values: jax.Array) -> dict[str, jax.Array]:
  """Means over objects.

  Args:
    values: float [N, ...], of objects in turn of every category.

  Returns:
    category -> float [...].
  """
  grouped = values.reshape(-1, len(CATEGORIES), *values.shape[1:])
  means = jnp.mean(grouped, axis=0)
  return {name: means[n] for n, name in enumerate(CATEGORIES)}
