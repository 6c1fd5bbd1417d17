"""Reading stores: whole, damaged, old and merged ones; and their tables."""

import json
import math

import made_up
import numpy as np
import pandas as pd
import pytest

from disentangle_jax import errors
from disentangle_jax.report import citations, scores, summaries, tables


def column(study, name, representation='mean'):
  return list(study.scores.columns).index((name, representation))


def test_the_matrix_holds_the_rows(store):
  rows = made_up.rows_of()
  study = tables.load([store])
  assert study.notes == (
    '5 seeds per setting: bootstrap intervals of fewer than about ten seeds'
    ' tend to be too narrow.',
  )
  assert study.runs['run_number'].tolist() == list(range(30))
  assert study.cells['label'].tolist()[:2] == [
    'beta_vae beta=1',
    'beta_vae beta=4',
  ]
  assert study.cells['runs'].tolist() == [5] * 6
  want = rows[(rows['name'] == 'sap') & (rows['representation'] == 'sampled')]
  np.testing.assert_array_equal(
    study.scores['sap', 'sampled'], want['value'].to_numpy()
  )
  kl = rows[(rows['run_number'] == 7) & rows['name'].str.match(r'kl/\d')]
  np.testing.assert_array_equal(study.latents[7], kl['value'].to_numpy())
  assert ('kl/0', '') not in study.scores.columns
  assert study.constants['mig_binned', 'mean'] == {'ceiling': 0.87}


def test_variants_of_a_method_are_cells_of_their_own(tmp_path):
  rows = made_up.rows_of(methods={'beta_vae': 'beta'})
  rows['variant'] = np.where(rows['seed'] < 2, 'net=mlp', 'net=conv')
  cell = rows[rows['name'] == 'sap'].assign(name='sap/3_7', representation='')
  (tmp_path / 'results').mkdir()
  pd.concat([rows, cell]).to_parquet(tmp_path / 'results' / 'part-0.parquet')
  study = tables.load([tmp_path])
  methods = study.cells.groupby('method', sort=False)['runs'].agg(list)
  assert methods.to_dict() == {
    'beta_vae (net=mlp)': [2, 2, 2],
    'beta_vae (net=conv)': [3, 3, 3],
  }
  # Cells of a table stay in the store.
  assert ('sap/3_7', '') not in study.scores.columns
  assert citations.of_method('beta_vae (net=mlp)') == ('higgins2017beta',)


def test_training_curves_are_read_without_and_with_the_latents(store):
  rows = made_up.rows_of()
  study = tables.load([store])
  names = set(study.training['name'].unique())
  assert names == {'train/loss', 'train/reconstruction', 'train/kl'}
  got = tables.latent_curves(study, 3)
  want = rows[(rows['run_number'] == 3) & rows['name'].str.match('train/kl/')]
  np.testing.assert_array_equal(got['value'], want['value'])
  assert got['latent'].unique().tolist() == [0, 1, 2, 3]


def test_cell_table_has_the_statistics_of_its_cell(store):
  study = tables.load([store])
  i = column(study, 'mig_binned')
  table = summaries.cell_table(study, i, resamples=200)
  rows = made_up.rows_of()
  mine = rows[
    (rows['method'] == 'annealed_vae')
    & (rows['strength'] == 5)
    & (rows['name'] == 'mig_binned')
    & (rows['representation'] == 'mean')
  ]['value']
  row = table[(table['method'] == 'annealed_vae') & (table['strength'] == 5)]
  assert row['mean'].item() == pytest.approx(mine.mean())
  assert row['interquartile_mean'].item() == pytest.approx(
    mine.sort_values().iloc[1:4].mean()
  )
  assert row['deviation'].item() == pytest.approx(mine.std())
  assert row['least'].item() == mine.min()
  assert row['mean_low'].item() < mine.mean() < row['mean_high'].item()
  assert row['n'].item() == 5 and row['lost'].item() == 0


def test_metric_seeds_are_averaged_and_a_failed_one_is_not_hidden(
  tmp_path,
):
  rows = made_up.rows_of(seeds=2)
  again = rows[rows['metric_seed'] == 0].assign(metric_seed=1)
  again['value'] += 1.0
  sap = (again['name'] == 'sap') & (again['run_number'] == 0)
  again.loc[sap, 'value'] = np.nan
  made_up.write_store(tmp_path, pd.concat([rows, again]), with_samples=False)
  study = tables.load([tmp_path])
  whole = tables.load(
    [made_up.write_store(tmp_path / 'one', rows, with_samples=False)]
  )
  np.testing.assert_allclose(
    study.scores['mig_binned', 'mean'], whole.scores['mig_binned', 'mean'] + 0.5
  )
  assert study.metric_seeds['mig_binned', 'mean'] == 2
  assert np.isnan(study.scores['sap', 'mean'][0])
  assert 'sap (mean) is missing or not a number in 1 finished run.' in (
    study.notes
  )


def test_the_last_step_counts(tmp_path):
  rows = made_up.rows_of(seeds=2)
  early = rows[rows['metric_seed'] == 0].assign(step=100, value=9.0)
  made_up.write_store(tmp_path, pd.concat([rows, early]), with_samples=False)
  study = tables.load([tmp_path])
  assert study.scores['sap', 'mean'].max() < 2


def test_diverged_runs_are_counted_and_named(tmp_path):
  rows = made_up.rows_of(seeds=3)
  bad = rows['run_number'] == 4
  rows.loc[bad, 'status'] = 'not_finite'
  rows.loc[bad & ~rows['name'].str.startswith('train/'), 'value'] = np.nan
  said = (
    rows[bad]
    .iloc[:1]
    .assign(name='diverged_at', value=120.0, representation='', metric_seed=-1)
  )
  made_up.write_store(tmp_path, pd.concat([rows, said]), with_samples=False)
  study = tables.load([tmp_path])
  assert study.runs['status'].tolist().count('not_finite') == 1
  assert study.runs['diverged_at'][4] == 120
  assert ('diverged_at', '') not in study.scores.columns
  assert any('1 run diverged (run 4)' in note for note in study.notes)
  table = summaries.cell_table(study, column(study, 'sap'), resamples=50)
  assert table['lost'].tolist() == [0, 1, 0, 0, 0, 0]
  assert table['n'].tolist() == [3, 2, 3, 3, 3, 3]


def test_one_seed_has_no_interval_and_says_so(tmp_path):
  made_up.write_store(tmp_path, made_up.rows_of(seeds=1), with_samples=False)
  study = tables.load([tmp_path])
  assert any('One seed per setting' in note for note in study.notes)
  i = column(study, 'mig_binned')
  table = summaries.cell_table(study, i, resamples=50)
  assert table['mean'].notna().all()
  assert table['mean_low'].isna().all()
  score = scores.describe(study)[i]
  _, rest = summaries.headline(study, i, score, table)
  assert 'one seed' in rest


def test_a_metric_that_a_method_lacks_is_named(tmp_path):
  rows = made_up.rows_of(seeds=2)
  drop = (rows['method'] == 'annealed_vae') & (rows['name'] == 'sap')
  made_up.write_store(tmp_path, rows[~drop], with_samples=False)
  study = tables.load([tmp_path])
  said = 'sap (mean), sap (sampled) are missing for annealed_vae.'
  assert said in study.notes
  some = drop & (rows['representation'] == 'mean')
  one = tmp_path / 'one'
  made_up.write_store(one, rows[~some], with_samples=False)
  said = 'sap (mean) is missing for annealed_vae.'
  assert said in tables.load([one]).notes


def test_many_missing_scores_are_one_note(tmp_path):
  names = [f'score_{i}' for i in range(9)]
  rows = made_up.rows_of(seeds=2, metrics=names, representations=('mean',))
  drop = (rows['method'] == 'annealed_vae') & rows['name'].isin(names)
  made_up.write_store(tmp_path, rows[~drop], with_samples=False)
  found = [n for n in tables.load([tmp_path]).notes if 'missing for' in n]
  assert len(found) == 1 and 'and 3 more are missing' in found[0]


def test_a_loss_stands_for_scores_only_where_there_are_none(tmp_path):
  rows = made_up.rows_of(seeds=2, methods={'beta_vae': 'beta'})
  training = rows['name'].str.startswith('train/')
  # Scores that were added later stand in a file of their own.
  (tmp_path / 'results').mkdir()
  rows[training].to_parquet(tmp_path / 'results' / 'part-0.parquet')
  rows[~training].to_parquet(tmp_path / 'results' / 'part-1.parquet')
  assert ('train/loss', '') not in tables.load([tmp_path]).scores.columns
  (tmp_path / 'results' / 'part-1.parquet').unlink()
  study = tables.load([tmp_path])
  assert list(study.scores.columns) == [('train/loss', '')]
  last = rows[(rows['name'] == 'train/loss') & (rows['step'] == 300)]
  np.testing.assert_array_equal(study.scores['train/loss', ''], last['value'])


def test_a_torn_file_and_a_missing_study_are_named(tmp_path):
  made_up.write_store(
    tmp_path, made_up.rows_of(seeds=2), with_samples=False, info=False
  )
  path = tmp_path / 'results' / '00001.parquet'
  path.write_bytes(path.read_bytes()[:200])
  study = tables.load([tmp_path])
  assert any('00001.parquet cannot be read' in note for note in study.notes)
  assert any('study.json' in note for note in study.notes)
  assert 0 < len(study.runs) < 12


def test_runs_that_have_not_finished_are_counted(tmp_path):
  rows = made_up.rows_of(seeds=2)
  made_up.write_store(tmp_path, rows, with_samples=False)
  planned = {key: [] for key in [*rows['run_id'].unique(), 'waiting']}
  (tmp_path / 'study.json').write_text(json.dumps({'runs': planned}))
  assert f'1 of 13 planned runs in {tmp_path} have not finished.' in (
    tables.load([tmp_path]).notes
  )


def test_a_store_without_newer_columns_is_read(tmp_path):
  rows = made_up.rows_of(seeds=2)
  rows = rows.drop(columns=['metric_seed', 'versions', 'constants', 'seconds'])
  made_up.write_store(tmp_path, rows, with_samples=False)
  study = tables.load([tmp_path])
  assert len(study.runs) == 12
  assert study.runs['seconds'].isna().all()


def test_an_empty_store_gives_empty_tables(tmp_path):
  (tmp_path / 'results').mkdir()
  study = tables.load([tmp_path])
  assert len(study.runs) == len(study.cells) == study.scores.shape[1] == 0
  assert any('holds no results yet' in note for note in study.notes)


def test_a_missing_directory_is_one_clear_line(tmp_path):
  with pytest.raises(errors.StoreError, match='no such directory'):
    tables.load([tmp_path / 'missing'])


def test_a_folder_of_something_else_is_one_clear_line(tmp_path):
  (tmp_path / 'notes.md').touch()
  with pytest.raises(errors.StoreError, match=r'holds no study\.json and no'):
    tables.load([tmp_path])


def test_disentanglement_scores_come_first(tmp_path):
  rows = made_up.rows_of(seeds=2)
  mig = rows['name'] == 'mig_binned'
  rows = pd.concat([rows[~mig], rows[mig]])
  made_up.write_store(tmp_path, rows, with_samples=False)
  study, described = scores.arrange(tables.load([tmp_path]))
  supervised = [score.supervised for score in described]
  assert supervised == sorted(supervised, reverse=True) and supervised[0]
  labels = [(score.name, score.representation) for score in described]
  assert labels == list(study.scores.columns)


def test_merged_stores_share_cells_and_count_a_common_run_once(tmp_path):
  first = made_up.write_store(
    tmp_path / 'a', made_up.rows_of(seeds=2), with_samples=False
  )
  more = made_up.rows_of(seeds=3, study='more')
  both = pd.concat([more, made_up.rows_of(seeds=2)])
  second = made_up.write_store(tmp_path / 'b', both, with_samples=False)
  study = tables.load([first, second])
  assert len(study.runs) == 12 + 18
  assert study.cells['runs'].tolist() == [5] * 6
  assert study.runs['label'].is_unique
  assert study.scores['sap', 'mean'].notna().all()


def test_methods_without_a_strength_form_one_cell(tmp_path):
  rows = made_up.rows_of(
    methods={'vae': '', 'beta_vae': 'beta'},
    strengths={'vae': (math.nan,), 'beta_vae': (2.0, 4.0)},
    seeds=3,
  )
  made_up.write_store(tmp_path, rows, with_samples=False)
  study = tables.load([tmp_path])
  assert study.cells['label'].tolist() == [
    'vae',
    'beta_vae beta=2',
    'beta_vae beta=4',
  ]
  assert study.cells['runs'].tolist() == [3, 3, 3]


def _study_json(folder, rows, specs):
  """study.json that gives the run of every seed the spec of its number."""
  runs = rows.drop_duplicates('run_id')
  contents = {
    'study': 'made_up',
    'specs': specs,
    'runs': {
      run.run_id: ['[]', run.seed % len(specs)] for run in runs.itertuples()
    },
  }
  (folder / 'study.json').write_text(json.dumps(contents))


def test_runs_that_differ_in_more_than_the_seed_share_no_row(tmp_path):
  rows = made_up.rows_of(seeds=4)
  other = rows['seed'] == 1
  rows.loc[other, 'hparams'] = rows.loc[other, 'hparams'].str.replace(
    '0.0001', '0.001'
  )
  made_up.write_store(tmp_path, rows, with_samples=False)
  study = tables.load([tmp_path])
  assert sorted(study.cells['runs']) == [1] * 6 + [3] * 6
  assert set(study.cells['method']) == {
    f'{method} (learning_rate={rate})'
    for method in made_up.METHODS
    for rate in ('0.0001', '0.001')
  }


@pytest.mark.parametrize(
  'specs, labels',
  [
    ([{'steps': 20}, {'steps': 40}], {'steps=20', 'steps=40'}),
    (
      [{'config': {'net': {'name': n}}} for n in ('mlp', 'conv')],
      {'name=mlp', 'name=conv'},
    ),
    (
      [
        {'dataset': {'name': 'npz', 'path': p, 'content': c}}
        for p, c in (('a.npz', 'ab'), ('b.npz', 'cd'))
      ],
      {'content=ab', 'content=cd'},
    ),
    (
      [{'dataset': {'path': p, 'content': 'ab'}} for p in ('a', 'b')],
      {''},
    ),
  ],
)
def test_steps_nets_and_files_set_runs_apart(tmp_path, specs, labels):
  rows = made_up.rows_of(methods={'beta_vae': 'beta'}, seeds=4)
  made_up.write_store(tmp_path, rows, with_samples=False)
  _study_json(tmp_path, rows, specs)
  study = tables.load([tmp_path])
  wanted = {f'beta_vae ({label})' if label else 'beta_vae' for label in labels}
  assert set(study.cells['method']) == wanted
  assert set(study.cells['runs']) == {4 // len(wanted)}


def test_settings_that_only_their_hash_tells_apart(tmp_path):
  rows = made_up.rows_of(methods={'beta_vae': 'beta'}, seeds=2)
  rows['setting'] = np.where(rows['seed'] == 0, 'a' * 12, 'b' * 12)
  (tmp_path / 'results').mkdir()
  rows.to_parquet(tmp_path / 'results' / 'part-0.parquet')
  study = tables.load([tmp_path])
  assert set(study.cells['method']) == {
    'beta_vae (setting=aaaaaaaa)',
    'beta_vae (setting=bbbbbbbb)',
  }


def test_workdirs_set_runs_apart_unless_they_are_compared(tmp_path):
  folders = []
  for name, steps in (('a', 20), ('b', 40)):
    rows = made_up.rows_of(methods={'beta_vae': 'beta'}, seeds=3, study=name)
    folders.append(
      made_up.write_store(tmp_path / name, rows, with_samples=False)
    )
    _study_json(folders[-1], rows, [{'steps': steps}])
  merged = tables.load(folders)
  assert set(merged.cells['method']) == {
    'beta_vae (steps=20)',
    'beta_vae (steps=40)',
  }
  assert set(tables.load(folders, together=False).cells['method']) == {
    'beta_vae'
  }


def test_figures_are_short():
  shown = [summaries.figure(x) for x in (0.31249, 2.346, 123.456, 0, np.nan)]
  assert shown == ['0.312', '2.35', '123.5', '0', summaries.UNKNOWN]
  assert summaries.figure(-1e-6) == '-1.00e-06'


def test_latex_and_csv_hold_every_row(store):
  study = tables.load([store])
  i = column(study, 'mig_binned')
  table = summaries.cell_table(study, i, resamples=50)
  text = summaries.latex(table, scores.describe(study)[i])
  assert text.count(r'\\') == 7  # the head and six rows
  assert r'annealed\_vae & c\_max = 25 & 5 &' in text
  assert text.count('{') == text.count('}')
  assert len(summaries.csv(table).splitlines()) == 7


def test_the_best_median_and_worst_run():
  values = np.array([0.3, np.nan, 0.1, 0.5, 0.2])
  picks = summaries.pick_runs(values, 1.0)
  assert picks == {'best': 3, 'median': 4, 'worst': 2}
  assert summaries.pick_runs(values, -1.0)['best'] == 2
  assert summaries.pick_runs(values, 1.0, [1, 4]) == {'best': 4}
  assert summaries.pick_runs(values, 1.0, [1]) == {}


def test_compare_is_the_difference_of_the_means(tmp_path):
  first = made_up.rows_of(seeds=4)
  second = made_up.rows_of(seeds=4, study='other')
  second.loc[second['name'] == 'mig_binned', 'value'] += 0.5
  study = tables.load(
    [
      made_up.write_store(tmp_path / 'a', first, with_samples=False),
      made_up.write_store(tmp_path / 'b', second, with_samples=False),
    ]
  )
  i = column(study, 'mig_binned')
  table = summaries.compare(study, i, scores.describe(study)[i])
  assert len(table) == 6
  np.testing.assert_allclose(table['difference'], 0.5)
  assert (table['low'] > 0).all()
  assert (table['probability'] == 1.0).all()
