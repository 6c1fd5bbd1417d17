"""`experiments.benchmark` on a tiny study, as a user types it."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
STUDY = """
import disentangle_jax as dj

def get_config():
  config = dj.base_config()
  config.study = 'tiny'
  config.methods = ('beta_vae',)
  config.dataset.resolution = 8
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = config.net.mlp.decoder_hidden = (8,)
  config.static.num_latents = 2
  config.steps, config.batch_size, config.seeds = 40, 4, 2
  return config
"""


@pytest.mark.slow  # two processes that each compile
def test_programs_are_compiled_ahead_and_measured_in_turns(tmp_path):
  study = tmp_path / 'tiny.py'
  study.write_text(STUDY)
  given = ['--runs=1,2', '--steps=3', '--repeats=2', '--threads=2', '--cost=']
  command = [
    *(sys.executable, '-m', 'experiments.benchmark', f'--config={study}'),
    *(*given, '--vary=static.num_latents=2,3', f'--output={tmp_path}'),
  ]
  run = lambda: subprocess.run(
    command, cwd=ROOT, capture_output=True, text=True, check=True
  )
  first = run()
  (path,) = tmp_path.glob('*.json')
  measured = json.loads(path.read_text())['measurements']
  assert len(measured) == 2
  for one in measured:
    forms = [row['form'] for row in one['rows']]
    assert forms == ['engine, 1 run', 'engine, 2 runs', 'loop, one by one']
    assert one['floor']['flops'] > 0
    for row in one['rows']:
      assert len(row['all']) == 2
      assert row['run_steps_per_s'] == max(row['all']) > 0
    engine, larger, loop = one['rows']
    assert larger['compiled_mib'] >= engine['compiled_mib'] > 0
    assert 'compiled_mib' not in loop
  assert 'by arithmetic' in first.stdout
  again = run()
  assert again.stdout.count('measured already') == 2
