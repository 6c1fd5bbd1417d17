"""Fields of a config that are no method's own: numbers in their range."""

from collections.abc import Mapping
from typing import Any

from disentangle_jax import checks, errors
from disentangle_jax.engine.plan import declare


def check(config: Mapping[str, Any]) -> None:
  """Refuses numbers out of range, in fields that are no method's own."""
  for field in ('steps', 'batch_size', 'metric_seeds'):
    checks.integer(f'config.{field}', config[field], 1)
  for field, least in (
    ('runs_per_chunk', 0),
    ('log_every', 0),
    ('data_shards', 1),
    ('eval_block', 1),
    ('eval_memory_mib', 1),
    ('cpu_devices', 0),
  ):
    checks.integer(f'config.engine.{field}', config['engine'][field], least)
  for field, off in (
    ('checkpoint_minutes', 'keeps no checkpoints but those on a signal'),
    ('watchdog_minutes', 'turns it off'),
  ):
    minutes = config['engine'][field]
    if not checks.is_number(minutes) or minutes < 0:
      rule = f'must be a number >= 0; 0 {off}'
      raise errors.value(f'config.engine.{field}', minutes, rule)
  if config['batch_size'] % config['engine']['data_shards']:
    raise errors.value(
      'config.engine.data_shards',
      config['engine']['data_shards'],
      f'must divide config.batch_size = {config["batch_size"]}',
    )
  if not config['study']:
    raise errors.value('config.study', config['study'], 'must be a name')
  for name in config['representations']:
    checks.choice('config.representations', name, declare.REPRESENTATIONS)
