"""How often success of a grasp is told rightly, on objects never seen.

Source: Yan et al. 2018, https://arxiv.org/abs/1708.07303, table II: the share
of labelled grasps, half of them successes, whose outcome the net predicts (a
logit above 0 is success), by category and elevation of the camera.

  grasp_accuracy                        mean over all elevations
  grasp_accuracy/<category>_<degrees>   a cell of the table
  grasp_accuracy_seen                   elevations that training draws
  grasp_accuracy_new                    elevations that it does not
  grasp_accuracy_drop                   the former less the latter
  grasp_label_share                     share of successes among the labels

Range [0, 1], chance 0.5: every object has as many successes as failures, or the
score would reward a net for telling objects apart that are easy to hold.

Deviations: objects, views and labels are those of 'graspable', so that numbers
do not compare with the paper's. One view at each elevation is asked.

Known failure modes: a pose alone tells much, such as heights at which nothing
is to be held; compare with a net that sees nothing else.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics.models import graspable_parts

_SHARE = 'share of grasps of novel objects whose outcome is told rightly'
SCORES = {
  'grasp_accuracy': types.Score(_SHARE, 'higher', 0.0, 1.0),
  'grasp_accuracy_seen': types.Score(
    f'{_SHARE}, from elevations of training', 'higher', 0.0, 1.0
  ),
  'grasp_accuracy_new': types.Score(
    f'{_SHARE}, from other elevations', 'higher', 0.0, 1.0
  ),
  'grasp_accuracy_drop': types.Score(
    'accuracy from elevations of training less that from others',
    'lower',
    -1.0,
    1.0,
  ),
  'grasp_label_share': types.Score(
    'share of successes among the labels', 'none', 0.0, 1.0
  ),
}
CITATION = 'Yan et al. 2018, arXiv:1708.07303, table II'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    camera: number of the camera that is asked at each elevation.
  """

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
  novel = graspable_parts.Novel(data, 'grasp_accuracy')
  novel.check_camera(config.camera, 'grasp_accuracy')

  def score(key, context, method, state, arrays, batch):
    del key, context, batch

    def one(number, elevation):
      view = novel.view(arrays, number, elevation, config.camera)
      logit = method.extras['grasp_logits'](
        state, view['observation'], view['pose'], view['occupancy']
      )[0]
      right = jnp.mean(((logit > 0) == view['label']).astype(jnp.float32))
      finite = jnp.all(jnp.isfinite(logit))
      return jnp.where(finite, right, jnp.nan)

    right = novel.of_views(one)
    by_elevation = jnp.mean(right, axis=0)
    seen = jnp.mean(by_elevation[: novel.seen])
    new = jnp.mean(by_elevation[novel.seen :])
    scores = {
      'grasp_accuracy': jnp.mean(by_elevation),
      'grasp_accuracy_seen': seen,
      'grasp_accuracy_new': new,
      'grasp_accuracy_drop': seen - new,
      'grasp_label_share': jnp.mean(
        arrays['label'][novel.numbers].astype(jnp.float32)
      ),
    }
    for name, row in graspable_parts.by_category(right).items():
      for number, degrees in enumerate(novel.elevations):
        scores[f'grasp_accuracy/{name}_{degrees:g}'] = row[number]
    return scores

  return types.Probe(
    fit=None,
    score=score,
    requires=('grasp_logits',),
    constants=dataclasses.asdict(config),
  )
