"""Another data set or other methods by flag, over a file that sets options."""

import pytest

import disentangle_jax as dj
from disentangle_jax import checks
from disentangle_jax.commands import configs, switching
from disentangle_jax.engine.plan import planning


def file():
  """A config as a user's file would give it."""
  config = dj.base_config()
  config.methods = ('beta_vae', 'annealed_vae')
  config.dataset.update(
    {'name': 'dsprites', 'resolution': 8, 'scales': 2, 'drop_duplicate': True}
  )
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (8,)
  config.net.mlp.decoder_hidden = (8,)
  config.hparams.annealed_vae.gamma = 10.0
  config.sweep = dj.chain(
    dj.product({'methods': ['beta_vae'], 'hparams.beta': [1, 4]}),
    dj.product({'methods': ['annealed_vae'], 'hparams.c_max': [5]}),
  )
  config.steps, config.seeds, config.metrics = 10, 2, ('kl',)
  return config


def fitted(config, *words):
  spelled = switching.spelled(configs.arguments(words))
  notes = switching.fit(config, spelled)
  for word in spelled:
    name, _, value = word.removeprefix('--config.').partition('=')
    if name == 'methods':
      config.methods = tuple(value.strip("(),'").replace("'", '').split(','))
    else:
      group, _, leaf = name.partition('.')
      config[group][leaf] = value == 'True' or value
  return notes


def test_options_of_the_file_that_a_set_lacks_are_left_out_and_said():
  config = file()
  notes = fitted(config, '--config.dataset=shapes3d')
  assert [note.split(' = ')[0] for note in notes] == [
    'config.dataset.drop_duplicate'
  ]
  # What the new set has too stays.
  assert config.dataset.scales == 2 and config.dataset.name == 'shapes3d'
  assert planning.make(config).runs[0].dataset.name == 'shapes3d'


def test_an_option_that_a_flag_gives_stays_and_is_refused():
  config = file()
  words = ('--config.dataset=shapes3d', '--config.dataset.drop_duplicate=True')
  assert not fitted(config, *words)
  with pytest.raises(dj.ConfigError, match="unknown 'drop_duplicate'"):
    planning.make(config)


def test_nothing_changes_where_the_flag_says_what_the_file_says():
  config = file()
  same = '--config.methods=beta_vae,annealed_vae'
  assert not fitted(config, '--config.dataset=dsprites', same)
  assert len(planning.make(config).runs) == 6


def test_methods_by_flag_take_the_sweep_that_is_for_them():
  config = file()
  notes = fitted(config, '--config.methods=beta_vae,factor_vae')
  runs = planning.make(config).runs
  assert [(r.method, r.strength) for r in runs[::2]] == [
    ('beta_vae', 1.0),
    ('beta_vae', 4.0),
    ('factor_vae', 30.0),
  ]
  assert 'annealed_vae' in notes[0] and 'factor_vae: one point' in notes[1]


def test_a_swept_field_that_no_method_reads_is_left_out():
  config = file()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 4], 'batch_size': [8, 16]})
  (note,) = fitted(config, '--config.methods=factor_vae')
  assert note.startswith('hparams.beta of the file')
  assert [r.batch_size for r in planning.make(config).runs[::2]] == [8, 16]


def test_methods_that_do_not_exist_are_left_to_the_plan():
  config = file()
  assert not fitted(config, '--config.methods=beta_va')
  with pytest.raises(dj.ConfigError, match="unknown 'beta_va'"):
    planning.make(config)


@pytest.mark.parametrize(
  ('field', 'value', 'end'),
  [
    (
      'hparams.beta',
      '1,2',
      "; several values: --config.sweep='hparams.beta=1,2'",
    ),
    (
      'hparams.beta',
      (1, 2),
      "; several values: --config.sweep='hparams.beta=1,2'",
    ),
    ('hparams.beta', '1', ''),
    ('engine.eval_block', '1,2', ''),
  ],
)
def test_several_values_for_one_point_to_the_sweep(field, value, end):
  assert checks.sweep_instead(field, value) == end


def test_a_config_prints_what_was_set():
  assert str(dj.base_config()).count('\n') == 1
  text = str(file())
  assert 'dataset.drop_duplicate = True' in text
  assert "net.name = 'mlp'" in text and 'learning_rate' not in text
  assert len(text) < 1500 and repr(file()) == text
