"""Scores that the package does not know, and the one that ranks runs."""

import json
import math

import made_up
import numpy as np
import pytest
from test_report import read

from disentangle_jax import report
from disentangle_jax.report import scores, tables

OWN = {
  'afd': {
    'direction': 'lower',
    'low': 0.0,
    'high': None,
    'definition': 'distance of faces in one video',
  },
  'success': {'direction': 'higher', 'low': 0.0, 'high': 1.0, 'definition': ''},
}


def load(folder, metrics, primary='', own=OWN, **kwargs):
  rows = made_up.rows_of(seeds=2, metrics=metrics, **kwargs)
  made_up.write_store(folder, rows, with_samples=False)
  path = folder / 'study.json'
  info = json.loads(path.read_text())
  path.write_text(json.dumps(info | {'scores': own, 'primary': primary}))
  study, described = scores.arrange(tables.load([folder]))
  return study, {score.label: score for score in described}, described


def test_what_study_json_says_is_taken_for_unknown_names(tmp_path):
  _, by_label, _ = load(tmp_path, ('afd', 'success', 'mig_binned', 'strange'))
  acd, success = by_label['afd (mean)'], by_label['success (mean)']
  assert (acd.direction, acd.low, acd.high) == ('lower', 0, np.inf)
  assert acd.definition == 'distance of faces in one video'
  assert success.supervised and not acd.supervised
  assert by_label['strange (mean)'].direction == 'none'
  # The package's own names keep what the package says.
  assert by_label['mig_binned (mean)'].source


@pytest.mark.parametrize(
  'own', [None, 3, {'afd': None}, {'afd': {'direction': 'up', 'low': 'x'}}]
)
def test_what_cannot_be_read_says_nothing(tmp_path, own):
  _, by_label, _ = load(tmp_path, ('afd',), own=own)
  assert by_label['afd (mean)'].direction == 'none'


@pytest.mark.parametrize(
  'name, label',
  [
    ('', 'mig_binned (mean)'),
    ('afd', 'afd (mean)'),
    ('afd (sampled)', 'afd (sampled)'),
    ('reconstruction/nats', 'reconstruction/nats'),
  ],
)
def test_the_primary_score_ranks_runs_and_comes_first(tmp_path, name, label):
  study, _, described = load(tmp_path, ('mig_binned', 'afd'), name)
  first = scores.primary(described, scores.wanted(study))
  assert described[first].label == label and first == 0
  assert not any('primary' in note for note in study.notes)


@pytest.mark.parametrize(
  'name, reason',
  [('speed', 'is no score of this study'), ('kl', 'has no better end')],
)
def test_a_primary_score_that_cannot_rank_is_named(tmp_path, name, reason):
  study, _, described = load(tmp_path, ('mig_binned', 'afd'), name)
  first = scores.primary(described, scores.wanted(study))
  assert described[first].label == 'mig_binned (mean)'
  said = (
    f'config.primary = {name!r} {reason}: mig_binned (mean) ranks the runs.'
  )
  assert said in study.notes


def test_the_page_leads_with_the_primary_score(tmp_path):
  load(tmp_path, ('mig_binned', 'afd'), 'afd')
  _, reader, data = read(report.write(tmp_path, figures='none'))
  words = reader.words
  # Lower is better: the weakest setting of the made-up effects wins.
  assert 'beta_vae beta=1 reaches the lowest average afd (mean codes)' in words
  assert 'reaches the highest average mig_binned' in words
  assert words.index('average afd') < words.index('average mig_binned')
  assert data['first'] == 0 and data['scores'][0]['name'] == 'afd'
  assert 'Best, median and worst run by afd (mean)' in words
  assert 'Distance of faces in one video. Lower is better.' in words


def test_a_primary_score_of_observations_stands_beside_many(tmp_path):
  names = ('afd', *(f'success_{i}' for i in range(14)))
  own = OWN | {name: OWN['success'] for name in names[1:]}
  load(tmp_path, names, 'reconstruction/nats', own)
  _, reader, _ = read(report.write(tmp_path, figures='none'))
  assert 'reaches the lowest average reconstruction/nats' in reader.words
  assert 'reaches the highest average success_0 (mean codes)' in reader.words


def test_what_was_not_scored_is_a_note(tmp_path):
  made_up.write_store(tmp_path, made_up.rows_of(seeds=2), with_samples=False)
  path = tmp_path / 'study.json'
  said = "not scored: kl: reads 'mean', which method gan does not give"
  info = json.loads(path.read_text()) | {'notes': [said, 'data set is large']}
  path.write_text(json.dumps(info))
  notes = tables.load([tmp_path]).notes
  assert said in notes and 'data set is large' not in notes


def test_losses_are_of_observations_of_any_kind(tmp_path):
  rows = made_up.rows_of(seeds=2)
  rows = rows[rows['name'].str.startswith('train/')]
  made_up.write_store(tmp_path, rows, with_samples=False)
  _, reader, _ = read(report.write(tmp_path, figures='none'))
  assert 'per observation' in reader.words
  assert 'per image' not in reader.words


def test_doubles_are_what_another_column_says_already():
  pairs = [
    ('mig_binned', 'mean'),
    ('mig_binned', 'sampled'),
    ('factor_vae_score', 'mean'),
    ('factor_vae_score_train', 'mean'),
    ('factor_vae_active', 'mean'),
    ('sap', 'sampled'),
    ('hand_train', 'mean'),
    ('active_units', 'mean'),
    ('kl', ''),
  ]
  described = [
    scores.Score(name, source, 'higher', 0, 1, math.nan, '', '', {})
    for name, source in pairs
  ]
  assert scores.doubles(described, 0) == {1, 3, 4}
  # What ranks the runs is never hidden.
  assert scores.doubles(described, 3) == {1, 4}
  # Where sampled codes rank the runs, those of the means stand back.
  assert scores.doubles(described, 1) == {0, 3, 4}
  beside = scores.beside(described, 0)
  assert beside == [0, 2, 6, 7]
