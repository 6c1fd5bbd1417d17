"""Curves of single runs: few points, few bytes, the right runs."""

import json

import made_up
import numpy as np
import pytest

from disentangle_jax.report import (
  curves,
  payload,
  results,
  sections,
  style,
  tables,
)


def test_a_thin_curve_keeps_its_ends_and_an_even_step():
  steps = np.arange(0, 1000, 10)
  thin, values = curves.thin(steps, steps**2, points=12)
  assert thin.size == 12 and (thin[0], thin[-1]) == (0, 990)
  np.testing.assert_array_equal(values, thin**2)
  assert np.ptp(np.diff(thin)) <= 10
  few, values = curves.thin(steps[:5], steps[:5])
  np.testing.assert_array_equal(few, steps[:5])


@pytest.fixture(scope='module')
def study(tmp_path_factory):
  rows = made_up.rows_of(
    seeds=2,
    metrics=('mig_binned',),
    representations=('mean',),
    training=range(1, 101),
  )
  lost = (rows['run_number'] == 3) & (rows['step'] == 100)
  rows.loc[lost & (rows['name'] == 'train/kl'), 'value'] = np.nan
  alone = (rows['run_number'] == 4) & rows['name'].str.startswith('train/')
  folder = tmp_path_factory.mktemp('curves')
  made_up.write_store(folder, rows[~alone], with_samples=False)
  return tables.load([folder]), rows


def test_the_page_gets_the_curves_of_every_run(study):
  read, rows = study
  content = curves.of(read, [])
  assert set(content['runs']) == set(range(12)) - {4}
  for run in (0, 7):
    grid, values = content['runs'][run]['loss']
    steps = content['steps'][grid]
    assert len(steps) == len(values) == curves.POINTS
    assert (steps[0], steps[-1]) == (1, 100)
    mine = rows[(rows['run_number'] == run) & (rows['name'] == 'train/loss')]
    want = mine.set_index('step')['value'][steps]
    np.testing.assert_allclose(values, want, rtol=6e-4)
  # All share one list of steps; what is not finite is null.
  assert len(content['steps']) == 1
  assert content['runs'][3]['kl'][1][-1] is None
  json.dumps(content, allow_nan=False)


def test_of_many_runs_only_those_in_pictures_have_curves(study, monkeypatch):
  monkeypatch.setattr(curves, 'RUNS', 11)
  assert set(curves.of(study[0], [2, 5])['runs']) == {2, 5}


def test_the_page_knows_what_is_typed_for_a_run(study):
  data = json.loads(payload.build(results.Results(study[0])))
  assert data['runs']['id'] == [f'made_up{n:04x}' for n in range(12)]
  (typed,) = data['commands']
  workdir = str(study[0].workdirs[0])
  assert set(typed) == {'train', 'traverse', 'report', 'load'}
  assert typed['load'] == f"dj.load_run('{workdir}', "
  for command in ('traverse', 'report'):
    assert typed[command].endswith(f'{command} --workdir={workdir}')


def test_training_is_drawn_by_strength(tmp_path):
  rows = made_up.rows_of(seeds=3, metrics=('mig_binned',))
  made_up.write_store(tmp_path, rows, with_samples=False)
  with style.use():
    made = list(
      sections.training.sections(results.Results(tables.load([tmp_path])))
    )
  keys = ['training_loss', 'training_reconstruction', 'training_kl']
  assert [part.key for part in made] == keys
  panels = made[2].body.axes
  assert [panel.get_title() for panel in panels] == ['beta_vae', 'annealed_vae']
  kl = rows[rows['name'] == 'train/kl']
  for panel, method in zip(panels, made_up.METHODS):
    strengths = made_up.STRENGTHS[method]
    assert len(panel.lines) == len(strengths)
    for line, strength in zip(panel.lines, strengths):
      name = made_up.METHODS[method]
      assert line.get_label() == f'{name} = {strength:g}'
      mine = kl[(kl['method'] == method) & (kl['strength'] == strength)]
      want = mine.groupby('step')['value'].median()
      np.testing.assert_allclose(line.get_xdata(), want.index)
      np.testing.assert_allclose(line.get_ydata(), want)
    inks = [line.get_color() for line in panel.lines]
    assert len(set(inks)) == len(inks) and set(inks) <= set(style.RAMP)


def test_a_method_without_a_strength_is_one_line(tmp_path):
  rows = made_up.rows_of(
    methods={'pca': ''},
    strengths={'pca': (float('nan'),)},
    seeds=3,
    metrics=('mig_binned',),
  )
  made_up.write_store(tmp_path, rows, with_samples=False)
  with style.use():
    made = list(
      sections.training.sections(results.Results(tables.load([tmp_path])))
    )
  (panel,) = made[0].body.axes
  assert len(panel.lines) == 1 and panel.get_legend() is None


@pytest.mark.parametrize('sampled', [False, True])
def test_matrices_of_doubles_are_a_second_view(tmp_path, sampled):
  sources = ('mean', 'sampled') if sampled else ('mean',)
  rows = made_up.rows_of(seeds=3, representations=sources, training=())
  made_up.write_store(tmp_path, rows, with_samples=False)
  made = results.Results(tables.load([tmp_path]))
  labels = lambda columns: {made.described[i].label for i in columns}
  assert not any('sampled' in label for label in labels(made.focus))
  with style.use():
    parts = list(sections.score_agreement.sections(made))
  views = {part.key: part.view for part in parts}
  if not sampled:
    assert views == {'rank_correlation': ''}
    return
  assert views == {'rank_correlation': 'main', 'rank_correlation_all': 'all'}
  names = [
    {text.get_text() for text in part.body.axes[0].get_yticklabels()}
    for part in parts
  ]
  assert names == [labels(made.focus), labels(made.everything)]
  assert len(names[1]) == len(names[0]) + len(made_up.METRICS)


def test_what_runs_differ_in_beside_hyper_parameters(tmp_path):
  kwargs = {'seeds': 1, 'metrics': ('mig_binned',), 'training': ()}
  folders = []
  for name, steps in (('a', 100), ('b', 200)):
    rows = made_up.rows_of(study=name, **kwargs)
    folder = made_up.write_store(tmp_path / name, rows, with_samples=False)
    info = json.loads((folder / 'study.json').read_text())
    info['specs'] = [{'steps': steps, 'net': {'width': 8}}]
    info['runs'] = {run_id: [0, 0] for run_id in rows['run_id']}
    (folder / 'study.json').write_text(json.dumps(info))
    folders.append(folder)
  study = tables.load(folders, together=False)
  data = json.loads(payload.build(results.Results(study, compare=True)))
  told = [data['apart'][i] for i in data['runs']['apart']]
  # Not the width, which is the same, nor beta, which is a hyper-parameter.
  assert told == [
    {'steps': steps, 'workdir': str(folder)}
    for steps, folder in zip(('100', '200'), folders)
    for _ in range(6)
  ]
  alone = json.loads(payload.build(results.Results(tables.load(folders[:1]))))
  assert alone['apart'] == [{}]
