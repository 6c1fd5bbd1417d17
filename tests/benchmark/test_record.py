"""Files of machines: tables, ratios, merging, refusals."""

import json

import pytest

from disentangle_jax import errors
from disentangle_jax.benchmark import forms, record

CPU = {
  'devices': '2 x cpu',
  'backend': 'cpu',
  'cpu': 'Some Chip (R) 9',
  'cores': 2,
  'matmul_gflop_per_s': 100.0,
  'copy_gb_per_s': 5.0,
}
GPU = {**CPU, 'devices': '1 x H200', 'backend': 'gpu'}


def measurement(what, rates, floor=None):
  return {
    'what': what,
    'steps': 10,
    'floor': floor or {'flops': 1e9, 'bytes': 5e6},
    'rows': [
      {
        'form': form,
        'runs': runs,
        'run_steps_per_s': rate,
        'compile_s': 1.0,
        'peak_mib': 100.0,
      }
      for form, runs, rate in rates
    ],
  }


SMALL = measurement(
  'study: beta_vae',
  [
    ('engine, 1 run', 1, 30.0),
    ('engine, 8 runs', 8, 60.0),
    (forms.LOOP, 1, 20.0),
    (forms.EAGER, 1, 10.0),
    (forms.COMPILED, 1, 15.0),
  ],
)


def test_of_a_device_the_compiled_program_counts():
  rows = [dict(row, compiled_mib=7.0) for row in SMALL['rows'][:2]]
  measured = {**SMALL, 'rows': [*rows, *SMALL['rows'][2:]]}
  at = record.HEADS.index('MiB')
  mebibytes = lambda about: [line[at] for line in record.table(measured, about)]
  assert mebibytes(CPU) == ['100'] * 5
  # The loop's peak would be that of whatever ran before it.
  assert mebibytes(GPU) == ['7', '7', '-', '100', '100']
  # A compiled step's estimate is such a figure already.
  assert record.table(SMALL, GPU)[0][at] == '100'


def test_a_method_without_arithmetic_has_no_bound():
  idle = {**SMALL, 'floor': {'flops': 0.0, 'bytes': 5e6}}
  assert record.floor_rate(idle, CPU) == (float('inf'), 1000.0)
  assert record.table(idle, CPU)[0][5] == '0.0%'


def test_ratios_are_against_the_loop_and_the_faster_pytorch():
  rows = {line[0]: line for line in record.table(SMALL, CPU)}
  at = dict(zip(record.HEADS, rows['engine, 8 runs']))
  assert (at['x loop'], at['x torch']) == ('3.00', '4.00')
  # 60 steps of 1 GFLOP against 100 GFLOP/s.
  assert at['util'] == '60.0%' and at['ms'] == '16.667'
  assert record.floor_rate(SMALL, CPU) == (100.0, 1000.0)
  assert at['MiB'] == '100'
  without = {**SMALL, 'rows': SMALL['rows'][:2]}
  assert record.table(without, CPU)[0][3:5] == ('-', '-')


def test_the_cost_of_a_study_is_at_the_best_rate_of_the_engine():
  fast = {**SMALL['rows'][2], 'run_steps_per_s': 1e6}
  held = {**SMALL, 'rows': [*SMALL['rows'], fast]}
  # 60 run-steps/s: 1,800 runs of 300,000 steps are 2,500 hours.
  assert record.cost(held, 1800, 300_000) == ('engine, 8 runs', 2500.0)


def test_a_file_per_machine_grows_and_replaces(tmp_path):
  path = record.save(tmp_path / 'new', CPU, [SMALL])
  assert path.name == '2_cores_some_chip_r_9.json'
  other = measurement('study: vae', [('engine, 1 run', 1, 5.0)])
  again = measurement('study: beta_vae', [('engine, 1 run', 1, 7.0)])
  record.save(tmp_path / 'new', CPU, [other])
  record.save(tmp_path / 'new', CPU, [again])
  found = record.load(path)
  assert [m['what'] for m in found['measurements']] == [
    'study: vae',
    'study: beta_vae',
  ]
  assert found['measurements'][1]['rows'][0]['run_steps_per_s'] == 7.0
  assert record.path_of(tmp_path, GPU).name == '1_x_h200.json'


def test_machines_side_by_side(tmp_path):
  fast = measurement('study: beta_vae', [('engine, 8 runs', 8, 600.0)])
  found = [
    {'machine': CPU, 'measurements': [SMALL]},
    {'machine': GPU, 'measurements': [fast]},
  ]
  heads, lines = record.compare(found)
  assert heads[2:] == ['2 x cpu (Some Chip (R) 9)', '1 x H200']
  rows = {line[1]: line[2:] for line in lines}
  assert rows['engine, 8 runs'] == ['60', '600 (10.00x)']
  assert rows[forms.LOOP] == ['20', '-']
  text = record.markdown(heads, lines).splitlines()
  assert len(text) == 2 + 5 and text[1].count('---') == 4
  record.plot(found, tmp_path / 'plot.png')
  assert (tmp_path / 'plot.png').read_bytes()[:4] == b'\x89PNG'


@pytest.mark.parametrize('content', ['', '[]', '{"machine": {}}', None])
def test_other_files_are_refused_by_name(tmp_path, content):
  path = tmp_path / 'odd.json'
  if content is not None:
    path.write_text(content)
  with pytest.raises(errors.ConfigError, match=r'odd\.json: not a file of'):
    record.load(path)


def test_a_number_in_json_survives(tmp_path):
  path = record.save(tmp_path, CPU, [SMALL])
  assert json.loads(path.read_text())['machine']['cores'] == 2
