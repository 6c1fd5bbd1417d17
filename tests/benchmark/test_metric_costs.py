"""`experiments.benchmark --metrics=...` times scoring on made-up codes."""

from disentangle_jax.benchmark import scoring as metric_costs


def test_a_metric_is_timed_on_the_engines_own_programs(capsys, monkeypatch):
  # dSprites' grid has 737,280 points; the programs are the same on a small one.
  monkeypatch.setattr(metric_costs, 'SIZES', (3, 4, 2, 2, 2))
  (row,) = metric_costs.measure(('modularity',), runs=2, at_once=2)
  assert row['metric'] == 'all together' and row['seconds'] > 0
  assert '"metric": "all together"' in capsys.readouterr().out
