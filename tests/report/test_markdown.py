"""The Markdown of `report.markdown` against means taken by hand."""

import made_up
import pandas as pd
import pytest

from disentangle_jax import errors
from disentangle_jax.report import markdown, tables


def test_the_table_holds_the_means_of_the_cells(store):
  rows = made_up.rows_of()
  study = tables.load([store])
  places = markdown.columns(study, ['sap', 'kl'], 'mean')
  lines = markdown.settings_table(study, places).splitlines()
  assert lines[0] == '| setting | runs | sap | kl |'
  assert len(lines) == 2 + 6
  pick = rows[
    (rows['method'] == 'beta_vae')
    & (rows['strength'] == 4)
    & (rows['representation'] == 'mean')
    & (rows['name'] == 'sap')
  ]
  row = next(line for line in lines if line.startswith('| beta_vae beta=4 '))
  assert float(row.split('|')[3].split()[0]) == pytest.approx(
    pick['value'].mean(), abs=6e-4
  )
  with pytest.raises(errors.ConfigError, match='--scores'):
    markdown.columns(study, ['sapp'], 'mean')
  with pytest.raises(errors.ConfigError, match="--representation: unknown 'x'"):
    markdown.columns(study, [], 'x')


def test_grids_are_means_over_seeds():
  rows = made_up.rows_of(methods={'beta_vae': 'beta'}, seeds=2)
  rows = rows[(rows['name'] == 'sap') & (rows['strength'] == 1)]
  rows = rows[rows['representation'] == 'mean'].assign(variant='')
  cells = [
    rows.assign(name=f'hit/{i}_{j}', value=rows['seed'] / 4 + i / 10)
    for i in range(2)
    for j in range(2)
    if (i, j) != (1, 1)
  ]
  shown = markdown.grid(pd.concat(cells), 'hit').splitlines()
  assert shown[1] == 'dsprites, beta_vae, strength 1, 2 seeds'
  numbers = [line.split('|')[2:-1] for line in shown[-2:]]
  assert [float(n) for n in numbers[0]] == pytest.approx(
    [0.125, 0.125], abs=6e-3
  )
  assert float(numbers[1][0]) == pytest.approx(0.225, abs=6e-3)
  assert numbers[1][1].strip() == ''
  with pytest.raises(errors.ConfigError, match='--scores=miss'):
    markdown.grid(pd.concat(cells), 'miss')
