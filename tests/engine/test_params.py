"""Exported parameters come back as they were, scalars among them."""

import jax
import numpy as np
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders
from disentangle_jax.engine.plan import group_shapes, planning
from disentangle_jax.engine.workdir import exported


def test_learned_scales_survive_the_export(tmp_path):
  config = tiny_config()
  config.methods, config.sweep = (
    ('beta_vae',),
    dj.product({'hparams.beta': [1]}),
  )
  config.static.likelihood = 'discretized_logistic'
  config.static.likelihood_scale = 0.1
  group = planning.make(config).groups[0]
  shapes = group_shapes.state_shapes(group)
  random = np.random.default_rng(0)
  count = len(group.runs)
  draw = lambda s: random.normal(size=(count, *s.shape)).astype(s.dtype)
  state = jax.tree.map(draw, shapes)
  assert state.params['log_scale'].shape == (count,)
  exported.write_params(tmp_path, group.runs, state)
  back = exported.group_states(tmp_path, group, group.runs, count)
  jax.tree.map(np.testing.assert_array_equal, back.params, state.params)
  run = dj.load_run(folders.params(tmp_path, group.runs[-1].run_id))
  assert run.state.params['log_scale'] == state.params['log_scale'][-1]
