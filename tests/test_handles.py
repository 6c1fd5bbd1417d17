"""What users call a run."""

import pytest

from disentangle_jax import errors, handles

NUMBERS = {'ab12f0': 0, 'ab12aa': 1, '123456': 2, 'cd0000': 10}


@pytest.mark.parametrize(
  'handle, run_id',
  [
    (0, 'ab12f0'),
    ('10', 'cd0000'),
    ('1234', '123456'),
    ('ab12f', 'ab12f0'),
    (' cd00 ', 'cd0000'),
  ],
)
def test_numbers_and_beginnings_name_runs(handle, run_id):
  assert handles.find(handle, NUMBERS, '--run') == run_id


@pytest.mark.parametrize(
  'handle, said',
  [
    ('ab12', 'begins the run_ids of 2 runs: ab12f0, ab12aa; give more'),
    ('cd0', 'there are 0 to 10, or the first 4 characters'),
    ('99', r'no such finished run; the nearest: 10 \(cd0000\), 2 \(123456\)'),
    ('5', r'the nearest: 2 \(123456\), 1 \(ab12aa\), 0 \(ab12f0\); there'),
    ('ab13', r'the nearest: 1 \(ab12aa\), 2 \(123456\), '),
    ('cd0001', r'the nearest: 10 \(cd0000\), '),
    ('', 'no such finished run'),
    (-1, 'no such finished run'),
  ],
)
def test_what_names_no_run_is_one_line(handle, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    handles.find(handle, NUMBERS, '--run')
  assert '\n' not in str(caught.value)


def test_numbers_that_moved_are_named():
  after = {**NUMBERS, 'ab12aa': 4, 'cd0000': 11}
  assert handles.moved(NUMBERS, after) == (
    '2 run numbers moved: 1 is now 4 (ab12aa), 10 is now 11 (cd0000); '
    'run_ids stay'
  )
  assert handles.moved(NUMBERS, NUMBERS) == ''
  many = {f'{i:06x}': i for i in range(20)}
  shifted = {run_id: n + 1 for run_id, n in many.items()}
  text = handles.moved(many, shifted)
  assert text.startswith('20 run numbers moved: 0 is now 1') and '...' in text
