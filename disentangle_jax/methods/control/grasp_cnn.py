"""Outcome of a grasp from a view and a pose, without geometry.

The baseline of Yan et al. 2018, "Learning 6-DOF grasping interaction via deep
geometry-aware 3D representations", https://arxiv.org/abs/1708.07303: the
outcome net of `grasp_geometry` without its identity code and its local view. A
residual network encodes colour, depth and the camera's elevation; with the nine
numbers of a pose (position, approach axis, closing axis, in the camera's frame)
a second one gives the logit of success. Minimised, in nats per grasp, mean over
`grasps` of each object, half of them successes, and over objects:

  -log p(success | view, pose)

`sees` 'pose' leaves the view out: how much the pose tells alone.

Deviations: the frame of the poses is turned with the camera's azimuth, so that
azimuths need not be learnt; the paper gives neither widths nor learning rate.
"""

import dataclasses

import jax

from disentangle_jax import checks, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.control import grasping
from disentangle_jax.nn import grasp_nets, nets

CITATION = 'Yan et al. 2018, arXiv:1708.07303, section V (baseline CNN)'
HPARAMS = {'learning_rate': 1e-4}
SEES = ('view', 'pose')
TEST = {
  'dataset': (
    'graspable',
    {
      'resolution': 8,
      'grid': 4,
      'instances': 2,
      'novel_instances': 1,
      'views': 2,
      'grasps': 8,
    },
  ),
  'static': {
    'channels': (),
    'state_hidden': (16, 8),
    'outcome_hidden': (16,),
    'grasps': 4,
  },
}


@dataclasses.dataclass(frozen=True)
class Config(grasping.OutcomeConfig):
  """Static choices, those of the outcome net and

  Attributes:
    sees: one of SEES.
  """

  sees: str = 'view'


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Views and labelled grasps."""
  del config
  return grasping.asked('pose', 'label')


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: 'graspable'.

  Returns:
    The method, without a decoder. The code is the state of a view; with `sees`
    'pose' there is none. It reports 'accuracy' on the batch. Extras:
    'perceive', 'judge' and 'grasp_logits' (`types.EXTRAS`), and 'plan_grasp',
    see `grasping.planner`; none of them reads the occupancy.

  Raises:
    ConfigError: an option out of range, or another data set.
  """
  grasping.check(config)
  checks.choice('config.static.sees', config.sees, SEES)
  grasping.scene_of(data)
  encoder = grasping.state_encoder(config)
  outcome = grasp_nets.Outcome(config.outcome_hidden)
  views = config.sees == 'view'

  def state_of(params, observation):
    return nets.apply(
      encoder, params['state'], grasping.see(observation), config.precision
    )

  def seen_in(params, observation):
    return (state_of(params, observation),) if views else ()

  def logits(params, percept, pose):
    given = grasping.features(percept, (pose,))
    return nets.apply(outcome, params['outcome'], given, config.precision)

  def init_params(key, batch):
    state_key, outcome_key = jax.random.split(key)
    params, whole = {}, ()
    if views:
      seen = grasping.see(batch['observation'][:1])
      state, variables = encoder.init_with_output(state_key, seen)
      params['state'], whole = variables['params'], (state,)
    given = grasping.features(whole, (batch['pose'][:1],))
    params['outcome'] = outcome.init(outcome_key, given)['params']
    return params

  def loss_fn(params, key, state, batch, hparams):
    del state, hparams
    pose, label = grasping.some_grasps(key, batch, config.grasps)
    logit = logits(params, seen_in(params, batch['observation']), pose)
    nats, accuracy = grasping.outcome_scalars(logit, label)
    return nats, ({'loss': nats, 'accuracy': accuracy}, ())

  def represent(state, observation):
    return types.Codes(state_of(state.params, observation), {})

  def perceive(state, observation, occupancy=None):
    del occupancy
    return seen_in(state.params, observation)

  def judge(state, percept, pose):
    return logits(state.params, percept, pose)

  def predict(state, observation, pose, occupancy=None):
    return judge(state, perceive(state, observation, occupancy), pose)

  init, update = training.minimise(
    init_params, loss_fn, optimiser=grasping.adam
  )
  extras = {
    'perceive': perceive,
    'judge': judge,
    'grasp_logits': predict,
    'plan_grasp': grasping.planner(config, perceive, judge),
  }
  layout = types.Layout(plain=config.state_hidden[-1]) if views else None
  return types.Method(
    init, update, represent if views else None, None, extras, layout
  )
