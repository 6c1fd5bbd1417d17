"""Runs that others start from: apart from the rest, and one click away."""

import json
import types

import made_up
import numpy as np
import pandas as pd
import pytest
from test_report import read

from disentangle_jax import report
from disentangle_jax.commands import status
from disentangle_jax.commands import tables as plan_tables
from disentangle_jax.engine import outlook
from disentangle_jax.engine.programs import estimate
from disentangle_jax.report import (
  drawing,
  figures,
  markdown,
  summaries,
  tables,
)
from disentangle_jax.report import scores as scores_lib
from disentangle_jax.report.sections import phases

SEEDS = 3


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return made_up.write_store(
    tmp_path_factory.mktemp('phases'), made_up.phased(seeds=SEEDS)
  )


@pytest.fixture(scope='module')
def page(folder):
  return read(report.write(folder, figures='none'))


def test_tables_are_of_the_last_phases(folder):
  study = tables.load([folder])
  assert study.runs['run_number'].tolist() == list(range(6))
  assert study.cells['label'].tolist() == [
    'scan dae.noise=0.1',
    'scan dae.noise=0.5',
  ]
  assert ('mig_binned', 'mean') in study.scores.columns
  assert list(study.earlier) == ['dae']
  before = study.earlier['dae']
  assert before.runs['run_number'].tolist() == list(range(6, 12))
  assert before.cells['label'].tolist() == [
    'denoising noise=0.1',
    'denoising noise=0.5',
  ]
  assert ('mig_binned', 'mean') not in before.scores.columns
  rows = made_up.phased(seeds=SEEDS)
  want = rows[(rows['name'] == 'kl') & (rows['phase'] == 'dae')]['value']
  np.testing.assert_array_equal(before.scores['kl', ''], want)
  assert set(study.runs['after']) == set(before.runs['run_id'])
  # What differs between ancestors is the strength here, no odd spread.
  assert not any('also differ' in note for note in study.notes)


def test_the_final_loss_is_that_of_the_last_step(folder):
  rows = made_up.phased(seeds=SEEDS)
  last = rows[
    (rows['phase'] == 'dae')
    & (rows['name'] == 'train/loss')
    & (rows['step'] == 300)
  ]
  got = phases.final_loss(tables.load([folder]).earlier['dae'])
  np.testing.assert_array_equal(got, last['value'])


@pytest.mark.parametrize('how', ['missing', 'null'])
def test_stores_of_older_versions_have_no_phases(tmp_path, how):
  rows = made_up.phased(seeds=2)
  columns = ['phase', 'after']
  if how == 'missing':
    rows = rows.drop(columns=columns)
  else:
    rows[columns] = None
  made_up.write_store(tmp_path, rows, with_samples=False)
  study = tables.load([tmp_path])
  assert len(study.runs) == 8 and not study.earlier
  assert set(study.runs['phase']) == {''}


def test_a_phase_that_is_listed_as_well_counts_as_a_run(tmp_path):
  rows = made_up.phased(seeds=2)
  made_up.write_store(tmp_path, rows, with_samples=False)
  path = tmp_path / 'study.json'
  info = json.loads(path.read_text())
  # Listed after it had been trained as a phase: its rows still say so.
  info |= {'phases': {}, 'config': {'methods': ['scan', 'denoising']}}
  path.write_text(json.dumps(info))
  assert len(tables.load([tmp_path]).runs) == 8
  info['config']['methods'] = ['scan']
  path.write_text(json.dumps(info))
  assert len(tables.load([tmp_path]).earlier['dae'].runs) == 4
  # A module that is its own earlier phase: a run that no later one needs any
  # more is no run of the last phase.
  info['config']['methods'] = ['scan', 'denoising']
  info['phases'] = {'before0004': 'dae'}
  path.write_text(json.dumps(info))
  assert len(tables.load([tmp_path]).earlier['dae'].runs) == 4
  both = rows.assign(phase='')
  second = made_up.write_store(tmp_path / 'b', both, with_samples=False)
  merged = tables.load([tmp_path, second])
  assert len(merged.runs) == 8 and not merged.earlier


def test_chains_are_in_the_order_of_training(tmp_path):
  rows = made_up.phased(seeds=2)
  first = rows[rows['phase'] == 'dae'].assign(phase='start', after='')
  first['run_id'] = 'x' + first['run_id']
  first['run_number'] += 50
  rows.loc[rows['phase'] == 'dae', 'after'] = 'x' + rows['run_id']
  made_up.write_store(tmp_path, pd.concat([rows, first]), with_samples=False)
  assert list(tables.load([tmp_path]).earlier) == ['start', 'dae']


def test_notes_count_phases_apart(tmp_path):
  rows = made_up.phased(seeds=2)
  lost = rows['run_number'].isin([0, 5])
  diverged = rows['run_number'] == 6
  rows.loc[diverged, 'status'] = 'not_finite'
  made_up.write_store(tmp_path, rows[~lost], with_samples=False)
  ids = rows.drop_duplicates('run_id').set_index('run_id')['phase']
  path = tmp_path / 'study.json'
  info = json.loads(path.read_text())
  info['runs'] = {run_id: [] for run_id in ids.index}
  info['phases'] = ids[ids != ''].to_dict()
  path.write_text(json.dumps(info))
  notes = tables.load([tmp_path]).notes
  assert f'1 of 4 planned runs in {tmp_path} have not finished.' in notes
  said = f'1 of 4 runs of earlier phases in {tmp_path} have not finished.'
  assert said in notes
  assert any(
    '1 run of the earlier phase dae diverged (run 6)' in n for n in notes
  )


def test_only_earlier_phases_have_finished(tmp_path):
  rows = made_up.phased(seeds=2)
  rows = rows[rows['phase'] == 'dae']
  made_up.write_store(tmp_path, rows, with_samples=False)
  _, reader, _ = read(report.write(tmp_path, figures='none'))
  assert 'Only runs of earlier phases have finished.' in reader.words
  assert 'dae: denoising, 4 runs' in reader.words


def test_the_page_counts_and_ranks_the_last_phases_alone(page):
  _, reader, data = page
  assert '6 finished, 0 of them diverged' in reader.words
  assert 'Before, dae 6 runs of denoising' in reader.words
  assert data['methods'] == ['scan']
  assert len(data['runs']['label']) == 6
  assert data['cells'][0]['strengthName'] == 'dae.noise'
  assert 'starting from 6 runs of the phase dae (denoising)' in reader.words


def test_earlier_phases_are_closed_and_reachable(page):
  _, reader, data = page
  assert 'Earlier phases' in reader.words
  assert 'dae: denoising, 6 runs' in reader.words
  closed = [a for a in reader.all('details') if 'open' not in a]
  assert closed
  buttons = [a for a in reader.all('button') if 'data-phase' in a]
  assert [b['data-show-run'] for b in buttons] == list('012345')
  (before,) = data['earlier']
  assert before['phase'] == 'dae'
  assert before['runs']['number'] == list(range(6, 12))
  assert before['cells'][0]['label'] == 'denoising noise=0.1'
  labels = {score['label'] for score in before['scores']}
  assert {'kl', 'loss at the end'} < labels
  assert before['pictures']['0'].count('<img') == 2


def test_a_strength_of_an_earlier_phase_can_be_drawn(folder, tmp_path):
  study, described = scores_lib.arrange(tables.load([folder]))
  table = summaries.cell_table(study, 0, resamples=50)
  figure = figures.empty()
  figures.score_against_strength(figure, table, described[0], ['scan'])
  assert figure.axes[0].get_xlabel() == 'dae.noise'
  drawing.per_score(study, described, [table], [0], tmp_path)
  assert list(tmp_path.glob('strength_*.png'))
  assert 'dae.noise = 0.1' in summaries.latex(table, described[0])


def test_runs_of_earlier_phases_can_be_drawn(folder):
  earlier = tables.load([folder]).earlier['dae'].runs.set_index('run_number')
  written = report.draw_run(folder, 7)
  assert [path.name for path in written] == [
    f'run_7_{earlier["run_id"][7][:6]}_traversals.png',
    f'run_7_{earlier["run_id"][7][:6]}_reconstructions.png',
  ]


def test_markdown_names_the_phase(folder):
  study = tables.load([folder])
  places = markdown.columns(study, ['sap', 'kl'], 'mean')
  lines = markdown.settings_table(study, places).splitlines()
  assert len(lines) == 2 + 4
  assert lines[2].startswith('| scan dae.noise=0.1 | 3 | 0.')
  assert lines[4].startswith('| phase dae: denoising noise=0.1 | 3 |  | ')
  rows = made_up.phased(seeds=2).assign(variant='', name='hit/0_1')
  text = markdown.grid(rows, 'hit')
  assert '\nphase dae: dsprites, denoising, strength 0.1, 2 seeds' in text
  assert '\ndsprites, scan, strength 0.1, 2 seeds' in text


def _stored(tmp_path):
  """A workdir as the engine writes it, one run of each phase waiting."""
  rows = made_up.phased(seeds=2)
  ids = rows.drop_duplicates('run_id')
  done = rows[~rows['run_number'].isin([0, 5])]
  (tmp_path / 'results').mkdir()
  done.to_parquet(tmp_path / 'results' / 'part-0.parquet', index=False)
  info = {
    'study': 'made_up',
    'runs': {
      row.run_id: [json.dumps([row.method, {}, row.seed]), 0]
      for row in ids.itertuples()
    },
    'phases': ids[ids['phase'] != ''].set_index('run_id')['phase'].to_dict(),
  }
  (tmp_path / 'study.json').write_text(json.dumps(info))
  return info


def _status(tmp_path, capsys):
  status.show(tmp_path)
  return capsys.readouterr().out


def test_status_names_the_phase(tmp_path, capsys):
  info = _stored(tmp_path)
  out = _status(tmp_path, capsys)
  line = next(x for x in out.splitlines() if 'denoising' in x)
  assert [c.strip() for c in line.strip('│').split('│')][:3] == [
    'dae',
    'denoising',
    '3/4',
  ]
  assert '3 of 4 runs and 3 of 4 of earlier phases finished' in out
  del info['phases']  # as older versions wrote it
  (tmp_path / 'study.json').write_text(json.dumps(info))
  out = _status(tmp_path, capsys)
  assert 'phase' not in out and '6 of 8 runs finished' in out


def _plan(phased):
  """What `print_plan` reads of a plan."""
  run = lambda number, phase, after: types.SimpleNamespace(
    number=number,
    run_id=f'id{number}',
    method='denoising' if phase else 'scan',
    strength_name='noise',
    strength=0.1,
    variant='',
    setting=phase,
    seed=0,
    phase=phase,
    after=after,
  )
  earlier = [run(1, 'dae', None)] if phased else []
  last = [run(0, '', earlier[0] if phased else None)]
  group = lambda runs, listed: types.SimpleNamespace(
    runs=runs,
    listed=listed,
    steps=10,
    method_name=runs[0].method,
    config=None,
    dataset=types.SimpleNamespace(observation_shape=(8, 8, 1), name='dsprites'),
  )
  groups = [group(runs, runs is last) for runs in (earlier, last) if runs]
  plan = types.SimpleNamespace(
    study='s', runs=[*last, *earlier], groups=groups, notes=()
  )
  needs = [estimate.Need(1, 1.0, 1.0)] * len(groups)
  left = {run.run_id for run in plan.runs}
  return outlook.Outlook(plan, [1] * len(groups), needs, left, 0.0)


def test_a_dry_run_names_phases_where_there_are_any(capsys):
  plan_tables.print_plan(_plan(True), every_run=True)
  out = capsys.readouterr().out
  assert 'after run' in out
  first = next(line for line in out.splitlines() if 'id0' in line)
  assert first.rstrip('│ ').endswith('1')
  assert 'phase dae: denoising' in out
  assert '2 runs, 1 of them of earlier phases, in 2 group(s)' in out
  plan_tables.print_plan(_plan(False))
  out = capsys.readouterr().out
  assert 'phase' not in out and '1 runs in 1 group(s)' in out
