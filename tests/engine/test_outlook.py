"""What a sweep is said to take: by doing some of it, and what is left to do."""

import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import engine
from disentangle_jax.commands import tables
from disentangle_jax.engine.workdir import store


def study(seeds):
  config = tiny_config()
  config.methods, config.metrics = ('beta_vae',), ('mig_binned',)
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  config.seeds = seeds
  return config


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """A study of two seeds, and what was said of four before it had them."""
  path = tmp_path_factory.mktemp('outlook')
  dj.sweep(study(2), path)
  return path


def test_times_are_of_steps_and_scores_that_were_done(folder):
  told = engine.dry_run(
    study(4), workdir=folder, measure=lambda: 1.0, budget=60.0
  )
  (need,) = told.needs
  # With one flop a second, arithmetic alone would say days.
  worked_out = engine.dry_run(study(4), measure=lambda: 1.0).needs[0]
  assert need.timed and 0 < need.seconds < 1e-3 * worked_out.seconds
  assert need.scoring_seconds > 0 and need.compile_seconds > 0
  assert not worked_out.timed and worked_out.compile_seconds == 0
  parts = need.seconds + need.scoring_seconds + need.compile_seconds
  assert told.seconds == pytest.approx(parts + told.report_seconds)


def test_what_is_there_is_not_counted(folder, capsys):
  rows = store.read(folder)
  told = engine.dry_run(study(4), workdir=folder, measure=lambda: 1.0)
  runs = told.plan.runs
  assert told.left == {r.run_id for r in runs} - set(rows['run_id'])
  assert len(told.left) == 4 and len(runs) == 8
  whole = engine.dry_run(study(4), measure=lambda: 1.0)
  assert told.needs[0].seconds == pytest.approx(whole.needs[0].seconds / 2)
  assert told.disk_bytes == whole.disk_bytes // 2
  tables.print_plan(told)
  text = capsys.readouterr().out
  assert '4 of them are there already' in text
  assert text.count('2/4') == 2 and '0-3' in text and 'beta=4' in text
  assert '~' in text and 'were not timed' in text
  done = engine.dry_run(study(2), workdir=folder, budget=60.0)
  assert not done.left and done.needs[0].seconds == 0
  assert done.disk_bytes == 0


def test_what_runs_leave_behind_is_about_what_is_said(folder):
  sizes = [path.stat().st_size for path in folder.rglob('*.*')]
  said = engine.dry_run(study(2), measure=lambda: 1.0).disk_bytes
  assert said / 4 < sum(sizes) < 4 * said


def test_another_study_in_the_folder_is_refused(folder):
  other = study(2)
  other.study = 'another'
  with pytest.raises(dj.StoreError, match='holds study'):
    engine.dry_run(other, workdir=folder, measure=lambda: 1.0)
