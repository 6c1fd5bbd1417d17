"""Whether groups can run, and by which metrics each can be scored."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import errors, layouts, types
from disentangle_jax.data import samplers
from disentangle_jax.engine.plan import (
  group_shapes,
  registry,
  study_config,
  study_plan,
  survival,
)


class Lack(NamedTuple):
  """Why a group cannot be scored by a metric, as one line of an error.

  Attributes:
    field: of the config.
    value: what it says.
    rule: what is missing.
    part: whether only one representation is missing, not the whole score.
  """

  field: str
  value: Any
  rule: str
  part: bool = False


def abilities(method: types.Method) -> set[str]:
  """What a method offers: 'represent', 'decode' and its extras."""
  own = {name for name in ('represent', 'decode') if getattr(method, name)}
  return {*own, *method.extras}


def lacks(
  name: str,
  metric: types.Metric | types.Probe,
  scoring: study_config.Scoring,
  group: study_plan.Group,
  codes: types.Codes | None,
  layout: types.Layout | None,
) -> list[Lack]:
  """What a group's method or data set cannot supply of what a metric needs.

  Args:
    name: of the metric.
    metric: as made for the group's data set.
    scoring: of the study.
    group: to be scored.
    codes: shapes of what its method's `represent` gives; None without an
      encoder.
    layout: what stands in its code vector, or None.

  Returns:
    Reasons; none where the metric can be had in full.
  """
  lack = lambda rule: Lack('config.metrics', name, rule)
  method = group.method_name
  of_codes = isinstance(metric, types.Metric)
  if codes is None and (of_codes or metric.needs):
    return [lack(f'method {method} has no encoder, and this scores codes')]
  parts = {} if codes is None else codes.parts
  reasons = [
    lack(
      f'reads {part!r}, which method {method} does not give; it gives '
      f'{sorted(parts)}'
    )
    for part in metric.needs
    if part not in parts
  ]
  if 'class_logits' in parts and of_codes and 'logvar' in metric.needs:
    reasons.append(
      lack(
        f'is defined for Gaussian latents alone, and method {method} has '
        'discrete ones; leave it out'
      )
    )
  if layout is not None and not layout.ordered and not metric.any_order:
    reasons.append(
      lack(
        f'reads single codes, and the slots of method {method} stand in '
        'another order for every observation; leave it out'
      )
    )
  if of_codes:
    return reasons + _factors_lack(lack, metric, group.dataset)
  legal, kind = metric.kinds, group.dataset.kind
  if legal and kind not in legal:
    reasons.append(
      lack(
        f'is defined for {", ".join(legal)}, and data set '
        f'{group.dataset.name} holds {kind}'
      )
    )
  offered = abilities(group.method)
  reasons += [
    lack(f'needs {need!r}, which method {method} lacks')
    for need in metric.requires
    if need not in offered
  ]
  if (
    metric.per_representation
    and 'sampled' in scoring.representations
    and codes is not None
    and 'logvar' not in parts
  ):
    rule = (
      f'method {method} has no distribution of codes to sample '
      f"from, as {name!r} would; legal: 'mean'"
    )
    reasons.append(Lack('config.representations', 'sampled', rule, part=True))
  return reasons


def _factors_lack(lack, metric: types.Metric, data: types.Dataset):
  """What a data set's factors cannot supply."""
  if metric.reads_factors and not data.factor_sizes:
    return [lack(f'data set {data.name} has no factors to score against')]
  # Independent points can be drawn from a stream, chosen ones cannot; runs
  # that differ in the seed are compared on rendered points alone.
  chosen = metric.design.kind == 'chosen' or metric.over == 'seeds'
  if data.render is None and chosen:
    rule = f'asks for chosen factors, and data set {data.name} has no grid'
    return [lack(rule)]
  return []


def _check_batch(group: study_plan.Group, shards: int) -> None:
  """Refuses a batch that is too small for a method, or cannot be split."""
  described, name = group.contract, group.method_name
  if group.batch_size < described.min_batch:
    rule = f'method {name} needs at least {described.min_batch}'
    raise errors.value('config.batch_size', group.batch_size, rule)
  asked = described.batch(group.config)
  samplers.check_batch_size(asked, group.batch_size)
  if shards > 1 and not described.splits:
    rule = (
      f'method {name} keeps something per example in its state, so that a '
      'batch cannot be split; legal: 1'
    )
    raise errors.value('config.engine.data_shards', shards, rule)


def _codes_of_step(
  group: study_plan.Group, state: types.PyTree, batch: types.PyTree
) -> types.Codes | None:
  """Traces one step without compiling it.

  Args:
    group: whose.
    state: shapes of one run's state.
    batch: zeros.

  Returns:
    Shapes of what the method's `represent` gives; None without an encoder.
  """
  described, name = group.contract, group.method_name
  hparams = {k: jnp.float32(v) for k, v in described.hparams.items()}
  _, scalars = jax.eval_shape(
    group.method.update, jax.random.key(0), state, batch, hparams
  )
  if 'loss' not in scalars:
    rule = "must hold 'loss', by which a diverged run is known"
    raise errors.value(f'scalars of method {name}', sorted(scalars), rule)
  if group.method.represent is None:
    return None
  return jax.eval_shape(group.method.represent, state, batch['observation'])


def checked(
  groups: Sequence[study_plan.Group],
  study: study_config.StudyConfig,
  names: registry.Registry,
) -> tuple[tuple[study_plan.Group, ...], list[str]]:
  """Groups with the metrics that each can be scored by, and notes.

  A metric that some listed method can supply and another cannot is a note; one
  that none can is refused.

  Raises:
    ConfigError: something that could not run.
  """
  wanted, scoring = study.scoring.wanted, study.scoring
  metrics, scorable = {}, []
  lacking = {name: [] for name in wanted}
  for group in groups:
    _check_batch(group, study.engine.data_shards)
    state = group_shapes.state_shapes(group)
    batch = group_shapes.example_batch(group)
    codes = _codes_of_step(group, state, batch)
    layout = layouts.layout_of(group.method, codes)
    supplied = []
    for name in wanted:
      try:
        metric = registry.shared_metric(
          metrics, name, scoring, names, group.dataset
        )
        reasons = lacks(name, metric, scoring, group, codes, layout)
      except errors.ConfigError as error:
        if group.listed:
          raise
        reasons = [Lack('config.metrics', name, str(error))]
      lacking[name].append(reasons)
      if all(reason.part for reason in reasons):
        supplied.append(name)
    survival.check(
      group.method_name,
      group.method,
      state,
      batch['observation'],
      layout,
    )
    scorable.append(group._replace(metrics=tuple(supplied), layout=layout))
  notes = []
  for name in wanted:
    reasons = [
      of_group for of_group, group in zip(lacking[name], groups) if group.listed
    ]
    if all(reasons):
      first = reasons[0][0]
      raise errors.value(first.field, first.value, first.rule)
    told = dict.fromkeys(
      f'{reason.value} of {name}: {reason.rule}'
      if reason.part
      else f'{name}: {reason.rule}'
      for of_group in reasons
      for reason in of_group
    )
    notes += [f'not scored: {line}' for line in told]
  return tuple(scorable), notes
