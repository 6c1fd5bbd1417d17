"""The tables of the attack page against NumPy."""

import json

import numpy as np
import pandas as pd
import pytest

from experiments import attack_page

KINDS = {
  'disentangled': {'c_max_gaussian': 5.0, 'weight_decay': 0.0},
  'entangled': {'c_max_gaussian': 0.0, 'weight_decay': 0.0},
  'weight decay': {'c_max_gaussian': 0.0, 'weight_decay': 0.3},
}


@pytest.fixture
def rows():
  """Three classes, four seeds; class 0 of disentangled models stands out."""
  made, rng = [], np.random.default_rng(0)
  for kind, hparams in KINDS.items():
    for seed in range(4):
      low = rng.uniform(0.1, 0.2, 3)
      low[0] += 0.5 * (kind == 'disentangled')
      values = {f'attack_target/{s}': v for s, v in enumerate(low)}
      values['attack_target'] = low.mean()
      values['attack_target/0_1'] = 9.0
      for name, value in values.items():
        made.append((json.dumps(hparams), seed, name, value))
  made = pd.DataFrame(made, columns=['hparams', 'seed', 'name', 'value'])
  return made.assign(kind=made['hparams'].map(attack_page.kind))


def test_marginals_are_seeds_by_classes_with_the_mean_behind(rows):
  rates = attack_page.marginals(rows, 'attack_target')
  assert list(rates) == list(KINDS)
  for kind, values in rates.items():
    assert values.shape == (4, 4)
    np.testing.assert_allclose(values[:, 3], values[:, :3].mean(1))
    mine = rows[(rows['kind'] == kind) & (rows['name'] == 'attack_target/2')]
    np.testing.assert_array_equal(values[:, 2], mine['value'])


def test_only_a_clear_difference_is_counted(rows, capsys):
  rates = attack_page.marginals(rows, 'attack_target')
  attack_page.print_marginals(rates, 'target')
  lines = capsys.readouterr().out.splitlines()
  start = '| disentangled - weight decay |'
  difference = next(line for line in lines if line.startswith(start))
  cells = [cell.strip() for cell in difference.strip('|').split('|')]
  expected = rates['disentangled'].mean(0) - rates['weight decay'].mean(0)
  shown = [float(cell.split()[0]) for cell in cells[1:5]]
  np.testing.assert_allclose(shown, expected, atol=6e-3)
  low, high = (float(x) for x in cells[1].split('[')[1].strip(']').split(','))
  assert 0 < low < shown[0] < high
  assert cells[5] in ('1', '2') and int(cells[5]) + int(cells[6]) <= 3
