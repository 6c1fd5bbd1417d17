"""Conclusions of one data set on another, on made-up effects."""

import made_up

from disentangle_jax.report import (
  compose,
  datasets,
  results,
  scores,
  sections,
  tables,
)


def _study(tmp_path, second=None, noise=0.02):
  first = made_up.rows_of(noise=noise, dataset='dsprites')
  frames = [first]
  if second is not None:
    frames.append(second)
  for i, frame in enumerate(frames):
    made_up.write_store(tmp_path / str(i), frame, with_samples=False)
  return scores.arrange(
    tables.load([tmp_path / str(i) for i in range(len(frames))])
  )


def _turned(noise=0.02):
  """The same settings on another data set, where more strength is worse."""
  rows = made_up.rows_of(
    noise=noise, dataset='shapes3d', study='other', first=100
  )
  scored = rows['name'].isin(made_up.METRICS)
  return rows.assign(value=rows['value'].where(~scored, 0.9 - rows['value']))


def test_the_same_effects_transfer(tmp_path):
  same = made_up.rows_of(
    noise=0.02, dataset='shapes3d', study='other', first=100
  )
  study, described = _study(tmp_path, same)
  moved = datasets.transfer_table(study, described, [0])
  assert list(moved['chosen on']) == ['dsprites', 'shapes3d']
  assert moved[['dsprites', 'shapes3d']].to_numpy().min() > 0.85
  agree = datasets.correlation_table(study, described, [0])
  assert agree['rank correlation'].iloc[0] > 0.8
  assert agree['runs'].iloc[0] == 30


def test_opposite_effects_do_not_transfer(tmp_path):
  study, described = _study(tmp_path, _turned())
  moved = datasets.transfer_table(study, described, [0]).set_index('chosen on')
  assert moved.loc['dsprites', 'dsprites'] > 0.85
  assert moved.loc['dsprites', 'shapes3d'] < 0.15
  agree = datasets.correlation_table(study, described, [0])
  assert agree['rank correlation'].iloc[0] < -0.8


def test_one_data_set_has_no_such_tables(tmp_path):
  study, described = _study(tmp_path)
  assert datasets.transfer_table(study, described, [0]).empty
  assert datasets.correlation_table(study, described, [0]).empty
  alone = results.Results(study)
  assert not list(sections.dataset_transfer.sections(alone))
  assert not list(sections.dataset_agreement.sections(alone))


def test_both_tables_stand_on_the_page_of_a_merged_report(tmp_path):
  _study(tmp_path, _turned())
  page = compose.write([tmp_path / '0', tmp_path / '1'], figures='none')
  text = page.read_text()
  for title in ('Transfer between data sets', 'Do data sets agree'):
    assert title in text
