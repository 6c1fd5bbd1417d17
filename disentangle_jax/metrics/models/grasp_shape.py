"""How well a guessed solid is the true one, on objects never seen.

Source: Yan et al. 2018, https://arxiv.org/abs/1708.07303, section V, which
looks at guessed shapes and at what a camera in the hand sees of them. Cells of
the guess above 1/2 against cells of the truth above 1/2:

  occupancy_iou               cells in both over cells in either, mean over
                              objects and elevations
  occupancy_iou/<category>    the same of a category
  local_depth_error           |depth - true| of the local view of every
                              grasp, the truth being that of the true grid, as
                              a share of the depth that it sees; mean over
                              pixels

Ranges: [0, 1], higher is better; [0, 1], lower is better. Training never
sees the true grid.

Deviations: the paper gives no numbers for either.

Known failure modes: walls thinner than a cell are in no grid; IoU then says
little, and that by category more. Of an empty local view the depth is right
wherever nothing is.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics.models import graspable_parts

SCORES = {
  'occupancy_iou': types.Score(
    'cells that guess and truth share over cells in either, novel objects',
    'higher',
    0.0,
    1.0,
  ),
  'local_depth_error': types.Score(
    'error of the depth that the hand sees, as a share of its range',
    'lower',
    0.0,
    1.0,
  ),
}
CITATION = 'Yan et al. 2018, arXiv:1708.07303, section V'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    threshold: of cells that count as full.
    camera: number of the camera that is asked at each elevation.
  """

  threshold: float = 0.5
  camera: int = 0


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: 'graspable'.

  Returns:
    The probe.

  Raises:
    ConfigError: another data set, or no such camera.
  """
  novel = graspable_parts.Novel(data, 'grasp_shape')
  novel.check_camera(config.camera, 'grasp_shape')

  def score(key, context, method, state, arrays, batch):
    del key, context, batch

    def one(number, elevation):
      view = novel.view(arrays, number, elevation, config.camera)
      parts = method.represent(state, view['observation']).parts
      guess, truth = parts['occupancy'], view['occupancy']
      full, true_full = guess > config.threshold, truth > config.threshold
      either = jnp.sum(full | true_full)
      shared = jnp.sum(full & true_full) / jnp.maximum(either, 1)
      # Two empty grids are the same one.
      iou = jnp.where(either > 0, shared, 1.0)
      local = lambda v: method.extras['local'](state, v, view['pose'])
      error = jnp.mean(jnp.abs(local(guess) - local(truth)))
      finite = jnp.all(jnp.isfinite(guess))
      return jnp.where(finite, iou, jnp.nan), error

    iou, error = novel.of_views(one)
    of_objects = jnp.mean(iou, axis=1)
    scores = {
      'occupancy_iou': jnp.mean(iou),
      'local_depth_error': jnp.mean(error),
    }
    for name, value in graspable_parts.by_category(of_objects).items():
      scores[f'occupancy_iou/{name}'] = value
    return scores

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent', 'local', 'decode_occupancy'),
    needs=('occupancy',),
    constants=dataclasses.asdict(config),
  )
