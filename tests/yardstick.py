"""Says whether a redesign changed numbers.

  python tests/yardstick.py record --out=DIR [--methods=a,b]
  python tests/yardstick.py compare OLD NEW

`record` trains every method for a few steps on small data, two strengths and
two seeds of each (four seeds where there is no strength), and beta_vae also on
a stream ('stream') and with the convolutional net ('conv'). It scores the runs
by every metric that planning allows, loads them, and writes DIR/<case>.json and
DIR/<case>.npz: losses, scores, codes, reconstructions and the pictures of
samples/. Record with the old code, change it, record again on the same machine
(with the same script), then compare.

`compare` prints a Markdown table, a row per case, and below it what is outside
the tolerance, what is missing and what is new. It exits 1 where something is
outside or missing. Runs are told apart by their hyper-parameters and seed;
run_id and run number may change.

Only the public API is used, so that the engine may move underneath. What takes
the time is compiling, so that it is done without most optimisations. No test
collects this file.
"""

import argparse
import collections
from collections.abc import Iterable, Mapping, Sequence
import json
import math
import pathlib
import sys
import tempfile
import time
import traceback
from typing import Any, NamedTuple

import jax
import numpy as np

import disentangle_jax as dj
from disentangle_jax import engine
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.data import stream
from disentangle_jax.methods import METHODS

BATCH_SIZE = 8
STEPS = 30
LOG_EVERY = 5
NUM_OBSERVATIONS = 16
SPRITES = {
  'name': 'dsprites',
  'resolution': 8,
  'scales': 2,
  'orientations': 3,
  'positions': 4,
}
# Small static choices, for every method that has the field.
STATIC = {
  'num_latents': 3,
  'num_classes': 3,
  'num_global': 2,
  'num_local': 3,
  'patch': 4,
  'discriminator_width': 16,
  'discriminator_depth': 2,
}
# Values at which a few steps show every term.
HPARAMS = {
  'learning_rate': 1e-2,
  'discriminator_learning_rate': 3e-3,
  'weight_decay': 0.01,
  'alpha': 1.3,
  'anneal_steps': 4.0,
}
# Small constants, for every metric that has the field, then for one alone.
CONSTANTS = {
  'num_train': 400,
  'num_test': 200,
  'num_variance': 400,
  'num_points': 64,
  'num_samples': 200,
  'num_rounds': 10,
  'num_trees': 4,
  'max_depth': 4,
  'num_contexts': 40,
  'num_alphas': 20,
  'num_penalties': 3,
  'batch_size': 16,
  'steps': 100,
  'hidden': (16,),
  'classifier_steps': 200,
  'classifier_hidden': (16,),
  'sources': 10,
}
CONSTANTS_OF = {
  'attack': {'num_steps': 10},
  'dci_forest': {'num_bins': 64},
  'digit_svm': {'num_features': 50},
}

# Tolerance of what is continuous: relative, with a floor for values near zero.
RELATIVE, FLOOR = 1e-5, 1e-6
# Tolerance of pictures, in levels of 255.
LEVELS = 1
# Absolute tolerances of scores that are not continuous, by metric; all others
# are. A name is the constant with the number of votes, of which two may differ.
COUNTED = {
  # A majority of votes.
  'factor_vae_score': 'num_test',
  # The accuracy of a classifier, in a share of points.
  'beta_vae_score': 'num_test',
  'beta_vae_score_changed': 'num_test',
  'sap': 'num_test',
  'clustering_accuracy': 'num_train',
  'fairness': 'num_contexts',
  'swap': 'num_points',
  'attack': 'sources',
  'digit_svm': 0.02,
  # Trees whose splits, or fits whose penalty, are chosen among near ties.
  'dci_gbt': 0.02,
  'pair_entanglement': 0.02,
  'dci_forest': 0.02,
  'downstream_gbt': 0.02,
  'downstream_logistic': 0.02,
  # Ranks and neighbours: points of near ties change places.
  'explicitness': 1e-3,
  'single_code_auc': 1e-3,
  'infomec': 1e-3,
  # Quantiles of numbers that lost their last bits.
  'irs': 1e-4,
}
# Where the constant is not there.
UNKNOWN = 0.02
# Lines per case and kind that `compare` prints.
LISTED = 20


class Case(NamedTuple):
  """One study of a recording.

  Attributes:
    method: name.
    dataset: options of `config.dataset`, with its name.
    net: name.
    metrics: names of those to try.
  """

  method: str
  dataset: Mapping[str, Any]
  net: str
  metrics: Sequence[str]


def cases() -> dict[str, Case]:
  """All studies by name: one per method, a stream, the convolutional net."""
  every = tuple(metrics_lib.METRICS)
  found = {name: Case(name, SPRITES, 'mlp', every) for name in METHODS}
  found['stream'] = Case('beta_vae', {'name': 'made_up'}, 'mlp', every)
  found['conv'] = Case(
    'beta_vae',
    {**SPRITES, 'resolution': 16},
    'conv',
    ('mig_binned', 'kl', 'reconstruction'),
  )
  return found


def made_up() -> dict[str, Any]:
  """Two hundred images of a bar and a level, and sixty for judges."""
  rng = np.random.default_rng(0)

  def draw(count):
    labels = rng.integers(0, (4, 3), (count, 2))
    images = rng.uniform(0, 0.3, (count, 8, 8, 1))
    bar = np.arange(8)[:, None, None] // 2 == labels[:, :1, None, None]
    images += 0.3 * bar + 0.2 * labels[:, 1, None, None, None]
    return images, labels

  images, labels = draw(200)
  names = ('place', 'level')
  made = stream.stream(images, labels, names, name='made_up', test=draw(60))
  return {'made_up': made}


class Study(NamedTuple):
  """What a study is, its methods aside; cases that agree in it share one.

  Attributes:
    dataset: JSON of the options of `config.dataset`.
    net: name.
    seeds: number.
    metrics: names.
    representations: names.
  """

  dataset: str
  net: str
  seeds: int
  metrics: tuple[str, ...] = ()
  representations: tuple[str, ...] = ('mean', 'sampled')


def strength_of(method: str) -> str:
  """The hyper-parameter that a method is judged by, or ''."""
  return getattr(METHODS[method], 'STRENGTH', None) or ''


def config_of(study: Study, methods: Sequence[str]) -> Any:
  """The config of a study of some methods."""
  config = dj.base_config(datasets=made_up())
  config.study = 'yardstick'
  config.methods = tuple(methods)
  with config.unlocked():
    config.dataset = json.loads(study.dataset)
  config.net.name = study.net
  config.net.mlp.update({'encoder_hidden': (16,), 'decoder_hidden': (16,)})
  config.net.conv.update({'channels': (4, 4, 8, 8), 'hidden': 16})
  config.steps, config.batch_size, config.seeds = STEPS, BATCH_SIZE, study.seeds
  config.metrics, config.metric_seeds = study.metrics, 2
  config.representations = study.representations
  config.engine.log_every = LOG_EVERY
  for name, options in config.metric_options.items():
    _set(options, {**CONSTANTS, **CONSTANTS_OF.get(name, {})})
  points = []
  for method in methods:
    own = getattr(METHODS[method], 'TEST', {}).get('static', {})
    _set(config.static[method], {**STATIC, **own})
    _set(config.hparams[method], HPARAMS)
    swept = {'methods': [method]}
    strength = strength_of(method)
    if strength:
      base = METHODS[method].HPARAMS[strength]
      swept[f'hparams.{strength}'] = [base / 2, base]
    points.append(dj.product(swept))
  config.sweep = dj.chain(*points)
  return config


def _set(options: Any, values: Mapping[str, Any]) -> None:
  """Sets the fields that there are, of the kind that they have."""
  like = lambda k, v: k in options and isinstance(options.get(k), type(v))
  options.update({k: v for k, v in values.items() if like(k, v)})


def study_of(case: Case) -> tuple[Study, dict[str, str]]:
  """The study of a case, with the metrics that planning allows.

  Where a metric needs the mean alone, all get no other representation. A method
  without a strength has four seeds, so that programs have one shape.

  Returns:
    The study, and metric -> why it was refused.
  """
  seeds = 2 if strength_of(case.method) else 4
  study = Study(json.dumps(case.dataset), case.net, seeds)
  alone, refused = [], {}

  def refusal(**chosen):
    config = config_of(study._replace(**chosen), [case.method])
    try:
      engine.dry_run(config, datasets=made_up(), measure=lambda: 1.0)
    except dj.ConfigError as error:
      return str(error)
    return ''

  def allowed(names):
    why = refusal(metrics=names)
    if not why:
      return names
    if len(names) > 1:
      half = len(names) // 2
      return allowed(names[:half]) + allowed(names[half:])
    if not refusal(metrics=names, representations=('mean',)):
      alone.extend(names)
      return names
    refused[names[0]] = why
    return ()

  metrics = allowed(tuple(case.metrics))
  shown = ('mean',) if alone else study.representations
  return study._replace(metrics=metrics, representations=shown), refused


def record_study(
  study: Study, methods: Mapping[str, str], out: pathlib.Path
) -> dict[str, dict[str, Any]]:
  """Trains, scores and loads the runs of one study.

  Args:
    study: what to run.
    methods: case -> its method.
    out: the recording, for the arrays.

  Returns:
    case -> contents of its JSON.
  """
  datasets = made_up()
  owner = {row.name: row.metric for row in metrics_lib.describe()}
  found = {}
  with tempfile.TemporaryDirectory() as folder:
    workdir = pathlib.Path(folder)
    config = config_of(study, list(methods.values()))
    table = dj.sweep(config, workdir, datasets=datasets)
    for case, method in methods.items():
      mine = table[table['method'] == method]
      rows, constants = [], {}
      for row in mine.to_dict('records'):
        name = row['name']
        metric = owner.get(name) or owner.get(name.partition('/')[0], '')
        if metric:
          constants[metric] = json.loads(row['constants'])
        rows.append(
          {
            'method': method,
            'hparams': json.loads(row['hparams']),
            'seed': int(row['seed']),
            'name': name,
            'representation': row['representation'],
            'metric_seed': int(row['metric_seed']),
            'step': int(row['step']),
            'value': float(row['value']),
            'metric': metric,
          }
        )
      runs, arrays = [], {}
      columns = ['run_number', 'run_id', 'hparams', 'seed']
      for run in mine[columns].drop_duplicates().to_dict('records'):
        trained = dj.load_run(workdir, run['run_number'], datasets=datasets)
        left = left_behind(trained, workdir, run['run_id'])
        arrays.update({f'{len(runs)}/{k}': v for k, v in left.items()})
        runs.append(
          {'hparams': json.loads(run['hparams']), 'seed': int(run['seed'])}
        )
      np.savez_compressed(out / f'{case}.npz', **arrays)
      found[case] = {
        'method': method,
        'representations': study.representations,
        'constants': constants,
        'runs': runs,
        'rows': rows,
      }
  return found


def left_behind(
  run: Any, workdir: pathlib.Path, run_id: str
) -> dict[str, np.ndarray]:
  """What a run does after training: codes, reconstructions, pictures.

  Args:
    run: from `dj.load_run`.
    workdir: of its study.
    run_id: in the file name of its pictures.

  Returns:
    name -> array.
  """
  observation = run.sample(NUM_OBSERVATIONS)['observation']
  found = {'observations': observation}
  # Without an encoder: some codes.
  shape = (NUM_OBSERVATIONS, run.num_latents)
  vector = np.linspace(-1, 1, math.prod(shape), dtype=np.float32)
  vector = vector.reshape(shape)
  if run.method.represent is not None:
    codes = run.represent(observation)
    found['codes'] = vector = codes.vector
    for name, part in codes.parts.items():
      found[f'codes/{name}'] = part
  if run.method.decode is not None:
    found['reconstructions'] = run.decode(vector)
  pictures = workdir / 'samples' / f'{run_id}.npz'
  if pictures.exists():
    with np.load(pictures) as file:
      found.update({f'samples/{name}': file[name] for name in file.files})
  return {name: np.asarray(value) for name, value in found.items()}


def record(out: pathlib.Path, methods: Sequence[str]) -> int:
  """Records all cases, or those named; a case that fails is left out.

  Returns:
    The exit status.
  """
  # As the engine does on a machine with two cores; must come first.
  jax.config.update('jax_num_cpu_devices', 2)
  jax.config.update('jax_disable_most_optimizations', True)
  known = cases()
  odd = sorted(set(methods) - set(known))
  if odd:
    print(f'--methods: unknown {odd}; legal: {", ".join(known)}')
    return 2
  out.mkdir(parents=True, exist_ok=True)
  chosen = list(methods or known)
  about = {'all': not methods, 'cases': chosen, 'jax': jax.__version__}
  (out / 'record.json').write_text(json.dumps(about, indent=1) + '\n')
  print(f'recording {pathlib.Path(dj.__file__).parent}', flush=True)
  for name in chosen:
    for suffix in ('json', 'npz'):
      (out / f'{name}.{suffix}').unlink(missing_ok=True)
  began = time.perf_counter()
  refused, studies, failed = {}, {}, []
  for name in chosen:
    try:
      study, refused[name] = study_of(known[name])
    except Exception:
      traceback.print_exc()
      failed.append(name)
    else:
      studies.setdefault(study, []).append(name)
  print(f'planned: {time.perf_counter() - began:.0f} s', flush=True)
  todo = list(studies.items())
  while todo:
    study, names = todo.pop(0)
    start = time.perf_counter()
    methods = {name: known[name].method for name in names}
    try:
      found = record_study(study, methods, out)
    except Exception:
      traceback.print_exc()
      if len(names) == 1:
        failed += names
      else:  # the others of the study may be sound
        todo += [(study, [name]) for name in names]
      continue
    for name, contents in found.items():
      text = json.dumps({**contents, 'refused': refused[name]}, indent=0)
      (out / f'{name}.json').write_text(text + '\n')
    seconds = time.perf_counter() - start
    print(f'{", ".join(names)}: {seconds:.0f} s', flush=True)
  seconds = time.perf_counter() - began
  print(f'{out}: {seconds:.0f} s; failed: {", ".join(failed) or "none"}')
  return 1 if failed else 0


class Key(NamedTuple):
  """What tells two recorded values apart."""

  hparams: str
  seed: int
  name: str
  representation: str = ''
  metric_seed: int = -1
  step: int = -1


class Value(NamedTuple):
  """A recorded number or array.

  Attributes:
    value: array, [] for a number.
    kind: 'losses', 'scores', 'arrays' (relative differences), 'counted'
      (absolute ones) or 'pictures' (levels).
    limit: largest difference that is none.
  """

  value: np.ndarray
  kind: str
  limit: float


def read(path: pathlib.Path) -> tuple[dict[str, Any], dict[Key, Value]]:
  """A recorded case.

  Args:
    path: without a suffix.

  Returns:
    The contents of its JSON, and all values in it and in its arrays.

  Raises:
    ValueError: two values of one key.
  """
  about = json.loads(path.with_suffix('.json').read_text())
  found = {}
  same = lambda hparams: json.dumps(hparams, sort_keys=True)
  for row in about['rows']:
    name = row['name']
    key = Key(
      same(row['hparams']),
      row['seed'],
      name,
      row['representation'],
      row['metric_seed'],
      row['step'],
    )
    if key in found:
      raise ValueError(f'{path}: two rows of {key}')
    kind, limit = _class_of(name, row['metric'], about['constants'])
    found[key] = Value(np.float64(row['value']), kind, limit)
  with np.load(path.with_suffix('.npz')) as file:
    for place in file.files:
      number, _, name = place.partition('/')
      run, value = about['runs'][int(number)], file[place]
      pictures = value.dtype == np.uint8
      found[Key(same(run['hparams']), run['seed'], f'run/{name}')] = Value(
        value,
        'pictures' if pictures else 'arrays',
        LEVELS if pictures else RELATIVE,
      )
  return about, found


def _class_of(
  name: str, metric: str, constants: Mapping[str, Any]
) -> tuple[str, float]:
  """Kind and limit of a score."""
  if metric in COUNTED:
    limit = COUNTED[metric]
    if isinstance(limit, str):
      votes = constants[metric].get(limit)
      # Scores are float32: two votes may come out a little further apart.
      limit = 2 / votes + FLOOR if votes else UNKNOWN
    return 'counted', limit
  if name.startswith('train/') and name.endswith('accuracy'):
    return 'counted', 2 / (BATCH_SIZE * LOG_EVERY)
  return 'losses' if name.startswith('train/') else 'scores', RELATIVE


def differences(old: np.ndarray, new: np.ndarray, kind: str) -> np.ndarray:
  """How far two arrays of one shape are apart, in the unit of their kind.

  Args:
    old: the measure.
    new: what is measured.
    kind: as in `Value`.

  Returns:
    float64; 0 where both are NaN or the same infinity, infinite where only one
    is not finite.
  """
  if old.dtype.kind == 'U':  # names, e.g. of the kind of observations
    return np.asarray(old != new, np.float64)
  old, new = np.asarray(old, np.float64), np.asarray(new, np.float64)
  same = (old == new) | (np.isnan(old) & np.isnan(new))
  both = np.isfinite(old) & np.isfinite(new)
  old, new = np.where(both, old, 0.0), np.where(both, new, 0.0)
  apart = np.abs(new - old)
  if kind not in ('counted', 'pictures'):
    # The floor, as a share of the relative tolerance.
    apart = apart / np.maximum(np.abs(old), FLOOR / RELATIVE)
  return np.where(same, 0.0, np.where(both, apart, np.inf))


KINDS = ('losses', 'scores', 'arrays', 'counted', 'pictures')


class Outcome(NamedTuple):
  """What the comparison of one case found.

  Attributes:
    values: how many numbers both have.
    equal: how many of them are equal to the bit.
    largest: kind -> largest difference.
    outside: lines about values outside the tolerance, the worst first.
    missing: keys that the new recording lacks.
    added: keys that the old one lacks.
    refused: metrics that only the new one was refused, and why.
    allowed: metrics that only the old one was refused, and why.
  """

  values: int
  equal: int
  largest: Mapping[str, float]
  outside: Sequence[str]
  missing: Sequence[Key]
  added: Sequence[Key]
  refused: Mapping[str, str]
  allowed: Mapping[str, str]


def compare_case(old: pathlib.Path, new: pathlib.Path) -> Outcome:
  """Compares one case of two recordings; paths are without a suffix."""
  (old_about, before), (new_about, after) = read(old), read(new)
  varied = _varied(key.hparams for key in [*before, *after])
  values = equal = 0
  largest = dict.fromkeys(KINDS, 0.0)
  outside = []
  for key in [key for key in before if key in after]:
    was, now = before[key], after[key].value
    if was.value.shape != now.shape or was.value.dtype != now.dtype:
      kinds = (f'{x.dtype}{list(x.shape)}' for x in (was.value, now))
      line = f'{_said(key, varied)}: {" -> ".join(kinds)}'
      outside.append((math.inf, line))
      continue
    apart = differences(was.value, now, was.kind)
    values += apart.size
    equal += int(np.sum(apart == 0))
    worst = float(apart.max(initial=0.0))
    largest[was.kind] = max(largest[was.kind], worst)
    if worst > was.limit:
      at = np.unravel_index(np.argmax(apart), apart.shape)
      line = (
        f'{_said(key, varied)}: {was.value[at]!s} -> {now[at]!s}, off by '
        f'{worst:.3g}, tolerance {was.limit:.3g}'
      )
      if at:
        line += f', {np.sum(apart > was.limit)} of {apart.size}'
      outside.append((worst / was.limit, line))
  outside.sort(key=lambda item: -item[0])
  only = lambda one, other: {k: v for k, v in one.items() if k not in other}
  return Outcome(
    values=values,
    equal=equal,
    largest=largest,
    outside=[line for _, line in outside],
    missing=list(only(before, after)),
    added=list(only(after, before)),
    refused=only(new_about['refused'], old_about['refused']),
    allowed=only(old_about['refused'], new_about['refused']),
  )


def _lines(name: str, found: Outcome) -> list[str]:
  """What is to be said about a case, at most LISTED lines of each kind."""
  count = lambda keys: [
    f'{key} ({number} values)'
    for key, number in collections.Counter(k.name for k in keys).items()
  ]
  lines = [f'{name}: refused now: {k}: {v}' for k, v in found.refused.items()]
  lines += [
    f'{name}: refused before: {k}: {v}' for k, v in found.allowed.items()
  ]
  for title, told in (
    ('outside', found.outside),
    ('missing', count(found.missing)),
    ('new', count(found.added)),
  ):
    lines += [f'{name}: {title}: {line}' for line in told[:LISTED]]
    if len(told) > LISTED:
      lines.append(f'{name}: {title}: and {len(told) - LISTED} more')
  return [f'- {line}' for line in lines]


def _varied(hparams: Iterable[str]) -> set[str]:
  """Names of hyper-parameters that have more than one value."""
  parsed = [json.loads(text) for text in sorted(set(hparams))]
  names = {name for one in parsed for name in one}
  return {n for n in names if len({str(one.get(n)) for one in parsed}) > 1}


def _said(key: Key, varied: set[str]) -> str:
  """A key in words."""
  hparams = json.loads(key.hparams)
  words = [f'{n}={v:g}' for n, v in hparams.items() if n in varied]
  words += [f'seed {key.seed}', key.name]
  words += [key.representation] if key.representation else []
  words += [f'metric seed {key.metric_seed}'] if key.metric_seed >= 0 else []
  words += [f'step {key.step}'] if key.step >= 0 else []
  return ', '.join(words)


def compare(old: pathlib.Path, new: pathlib.Path) -> int:
  """Prints how two recordings differ.

  Returns:
    The exit status: 1 if something is outside the tolerance or missing.
  """
  about = [json.loads((x / 'record.json').read_text()) for x in (old, new)]
  if about[0]['jax'] != about[1]['jax']:
    print(f'note: JAX {about[0]["jax"]} before, {about[1]["jax"]} after\n')
  wanted = [
    name
    for name in about[0]['cases']
    if about[1]['all'] or name in about[1]['cases']
  ]
  heads = [
    'case',
    'values',
    'bit-equal',
    *('largest difference of losses', 'scores', 'arrays', 'counts', 'pictures'),
    *('outside', 'missing', 'new'),
  ]
  print(f'| {" | ".join(heads)} |\n|{"---|" * len(heads)}')
  lines, failed, equal = [], not wanted, True
  for name in wanted:
    lacking = [x for x in (old, new) if not (x / f'{name}.json').exists()]
    if lacking:
      print(f'| {name} |{" - |" * (len(heads) - 1)}')
      lines += [f'- {name}: {x} has no such recording' for x in lacking]
      failed = True
      continue
    found = compare_case(old / name, new / name)
    cells = [name, found.values, found.equal]
    cells += [f'{found.largest[kind]:.2g}' for kind in KINDS]
    cells += [len(x) for x in (found.outside, found.missing, found.added)]
    print(f'| {" | ".join(map(str, cells))} |')
    lines += _lines(name, found)
    failed |= bool(found.outside or found.missing)
    equal &= found.equal == found.values
  new_cases = [x for x in about[1]['cases'] if x not in about[0]['cases']]
  lines += [f'- {name}: only in the new recording' for name in new_cases]
  verdict = 'Equal to the bit.' if equal else 'Equal within the tolerances.'
  if failed:
    verdict = 'DIFFERENT.'
  print('\n'.join(['', *lines, *([''] if lines else []), verdict]))
  return 1 if failed else 0


def main() -> int:
  """Reads the command line."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  commands = parser.add_subparsers(dest='command', required=True)
  recording = commands.add_parser('record')
  recording.add_argument('--out', type=pathlib.Path, required=True)
  recording.add_argument('--methods', default='', help='cases, by commas')
  comparing = commands.add_parser('compare')
  comparing.add_argument('old', type=pathlib.Path)
  comparing.add_argument('new', type=pathlib.Path)
  given = parser.parse_args()
  if given.command == 'record':
    return record(given.out, [x for x in given.methods.split(',') if x])
  return compare(given.old, given.new)


if __name__ == '__main__':
  sys.exit(main())
