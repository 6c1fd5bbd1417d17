"""Everything lowers for TPUs and GPUs, from a machine that has neither.

JAX lowers for other platforms than its own. What comes out is read: no float64,
no call back to the host, no custom calls but those that XLA has there, and no
product of a score below float32.
"""

import re

import jax
import pytest
from tiny_methods import tiny_config

import disentangle_jax as dj
from disentangle_jax import data, metrics, studies
from disentangle_jax.engine.plan import planning
from disentangle_jax.engine.programs import (
  devices,
  score_program,
  scoring,
  train,
)
from disentangle_jax.methods import METHODS
from disentangle_jax.nn import nets

pytestmark = pytest.mark.slow
every_platform = pytest.mark.parametrize('platform', ('tpu', 'cuda'))
# What XLA has on a TPU (factorisations), JAX's kernels for a GPU, and marks of
# what is spread over devices, which are no calls.
CUSTOM_CALLS = re.compile(
  r'Eigh|Qr|ProductOfElementaryHouseholderReflectors|LuDecomposition'
  r'|cusolver_\w+|cu_threefry2x32\w*|cu_lu_pivots\w*|cublas_\w+'
  r'|Sharding|SPMDFullToShardShape|SPMDShardToFullShape|xla\.sdy\.\w+'
)
PRODUCT = re.compile(
  r'stablehlo\.(?:dot_general|convolution).*->\s*tensor<(?:\d+x)*(\w+)>'
)


def sound(traced, platform):
  """StableHLO text of a traced function for a platform, looked through."""
  text = traced.lower(lowering_platforms=(platform,)).as_text()
  assert not re.search(r'tensor<(\d+x)*(f64|complex<f64>)>', text)
  assert 'callback' not in text
  called = set(re.findall(r'custom_call @([\w.$]+)', text))
  assert not {name for name in called if not CUSTOM_CALLS.fullmatch(name)}
  return text


def one_device():
  mesh = devices.mesh()
  return jax.sharding.Mesh(
    mesh.devices[:1], mesh.axis_names, axis_types=mesh.axis_types
  )


def training(config, platform):
  group = planning.make(config).groups[-1]
  for part in train.traced(group, one_device(), 2, 2, platform):
    sound(part, platform)


@every_platform
@pytest.mark.parametrize('name', METHODS)
def test_every_method(name, platform):
  training(tiny_config(name), platform)


def on_data(name):
  config = tiny_config('beta_vae')
  config.dataset = dj.base_config().dataset
  config.dataset.name = name
  return config


@every_platform
@pytest.mark.parametrize(
  'name', sorted({*data.RENDERED, *data.VECTORS, *data.WORLDS})
)
def test_every_data_set(name, platform):
  training(on_data(name), platform)


@every_platform
@pytest.mark.parametrize('name', nets.NETS)
def test_every_net(name, platform):
  config = on_data('dsprites')
  config.net.name = name
  training(config, platform)


# Studies of scores that ask for other methods or data than beta_vae on sprites.
STUDIES = {
  'code_traversal': 'sentiment_mmd',
  'content_distance': 'mocogan',
  'decoder_perplexity': 'nl_multitask',
  'prototype_clustering': 'nl_multitask',
  'sentence_arithmetic': 'nl_multitask',
  'grasp_accuracy': 'grasp_geometry',
  'grasp_plan': 'grasp_geometry',
  'grasp_shape': 'grasp_geometry',
  'independent_prediction': 'independent_prediction',
  'scene_objects': 'mvae',
  'zero_shot_return': 'darla',
  'action_effects': 'icf',
  'class_variance': 'jade',
  'classifier_gap': 'attribute_transfer',
  'concepts': 'scan',
  'clustering_accuracy': 'infogan',
  'dci_gap': 'dci_study',
  'field_mcc': 'ivae',
  'label_by_group': 'ml_vae',
  'label_error': 'jade',
  'layer_correlation': 'covariance_penalty:xor',
  'policy_information': 'icf',
  'policy_prediction': 'icf',
  'reconstruction_by_part': 'combinatorial_generalisation',
  'sample_quality': 'infogan',
  'specialisation': 'causal_mechanisms',
  'swap': 'ml_vae',
  'planning': 'dynamics_content',
  'verification': 'sd_gan',
  'text_transfer': 'arae',
  'text_samples': 'arae',
  'code_probe': 'arae',
}


class Unrun:
  """In the place of a compiled program."""

  def memory_analysis(self):
    return None

  def as_text(self):
    return ''


@every_platform
@pytest.mark.parametrize('name', metrics.METRICS)
def test_every_score(name, platform, monkeypatch):
  if name in STUDIES:
    key, _, variant = STUDIES[name].partition(':')
    config = studies.config_module(key).get_config(variant or 'smoke')
  elif name == 'digit_svm':
    config = on_data('digits')
    config.dataset.test = 'held_out'
  else:
    config = tiny_config('beta_vae')
  config.metrics = (name,)
  # What the encoder of a model rounds is its own; the rest of a score is not.
  configs = [METHODS[method].Config() for method in config.methods]
  if any(hasattr(of_method, 'precision') for of_method in configs):
    config.static.precision = 'float32'
  plan = planning.make(config)
  texts = []

  def lower(self, arguments):
    texts.append(sound(self.traced(arguments, platform=platform), platform))
    return Unrun()

  monkeypatch.setattr(score_program.ScoreProgram, 'fitted', lower)
  for group in plan.groups:
    list(scoring.Evaluator(plan, one_device()).prepare(group, 2))
  # Scores over seeds start from stored parameters; the codes are as here.
  assert texts or name == 'udr'
  for text in texts:
    for line in text.splitlines():
      product = PRODUCT.search(line)
      if product and product[1] in ('f32', 'bf16', 'f16'):
        full = 'HIGHEST' in line and 'DEFAULT' not in line
        assert product[1] == 'f32' and full, line
