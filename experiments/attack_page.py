"""The tables and the figure of an attack study.

  python -m experiments.attack_page --workdir=runs/attack

Success rates by source class and the differences between kinds of models, with
95 % intervals over seeds, as Markdown (the cells of all ordered pairs are what
`experiments.scores --table=attack_target` prints); `DIR/figures/attack.png`
shows attacked images of the first seed. Kinds: 'disentangled' has capacities,
'entangled' has none, 'weight decay' is entangled with weight decay.
"""

import json
import pathlib

from absl import flags
import jax
import numpy as np

from disentangle_jax import errors, load_run
from disentangle_jax.commands import cli

RATES = {'attack_ignore': 'ignore-target', 'attack_target': 'target'}
DIFFERENCES = (
  ('disentangled', 'weight decay'),
  ('disentangled', 'entangled'),
  ('weight decay', 'entangled'),
)
# In the figure: source class s goes to class s + SHIFT.
SHIFT = 3


def kind(hparams: str) -> str:
  """What a run is called, by its hyper-parameters as JSON."""
  given = json.loads(hparams)
  if given.get('c_max_gaussian', 0.0) > 0:
    return 'disentangled'
  return 'weight decay' if given['weight_decay'] > 0 else 'entangled'


def marginals(rows, name: str) -> dict[str, np.ndarray]:
  """kind -> rates by source class, and over all pairs: [seeds, K + 1]."""
  source = rows['name'].str.extract(rf'^{name}/(\d+)$')[0].astype(float)
  rows = rows.assign(source=source.where(rows['name'] != name, np.inf))
  rows = rows.dropna(subset='source')
  return {
    found: part.pivot_table(
      index='seed', columns='source', values='value', dropna=False
    ).to_numpy()
    for found, part in rows.groupby('kind', sort=False)
  }


def print_marginals(rates: dict[str, np.ndarray], title: str) -> None:
  """Markdown: kinds by source class, then their differences."""
  from disentangle_jax.report import statistics

  classes = next(iter(rates.values())).shape[1] - 1
  heads = [*map(str, range(classes)), 'all']
  line = '|---' * (classes + 2) + '|'
  print(f'\n### {title}: by source class\n')
  print(f'| | {" | ".join(heads)} |\n{line}')
  for name, values in rates.items():
    columns = list(values.T)
    within = statistics.bootstrap_interval(columns)
    shown = [
      f'{statistics.summarise(column):.2f} [{low:.2f}, {high:.2f}]'
      for column, (low, high) in zip(columns, within)
    ]
    print(f'| {name} | {" | ".join(shown)} |')
  print(f'\n### {title}: differences by source class\n')
  print(f'| | {" | ".join(heads)} | higher in | lower in |\n{line}---|---|')
  for first, second in DIFFERENCES:
    if not {first, second} <= set(rates):
      continue
    shown, higher, lower = [], 0, 0
    for a, b in zip(rates[first].T, rates[second].T):
      value, low, high = statistics.difference_interval(a, b)
      shown.append(f'{value:+.2f} [{low:+.2f}, {high:+.2f}]')
      # The last column is the mean over all sources.
      higher += low > 0 and len(shown) <= classes
      lower += high < 0 and len(shown) <= classes
    print(f'| {first} - {second} | {" | ".join(shown)} | {higher} | {lower} |')


def pictures(workdir: pathlib.Path, rows) -> pathlib.Path:
  """Draws attacked images of the first seed of every kind."""
  from disentangle_jax.engine.programs import encoding
  from disentangle_jax.metrics.models import attack
  from disentangle_jax.report import figures, style

  said = json.loads(
    rows.loc[rows['name'] == 'attack_target', 'constants'].iloc[0]
  )
  hidden = tuple(said.pop('classifier_hidden'))
  config = attack.Config(**said, classifier_hidden=hidden)
  sheets, context = [], None
  for name, part in rows.groupby('kind', sort=False):
    run = load_run(workdir, int(part.sort_values('seed')['run_number'].iloc[0]))
    if context is None:
      probe = attack.make(config, run.dataset)
      key, _ = jax.random.split(encoding.metric_key('attack', 0))
      context = jax.jit(probe.fit)(key, run.dataset.arrays)
      source = context['sources'][:, 0]
      target = np.roll(context['targets'][:, 0], -SHIFT, axis=0)
      sheets += [('source', source), ('target', target)]

    @jax.jit
    def attacked(state, source, target, method=run.method):
      delta = attack.attack(config, method, state, source, target)
      see = lambda x: attack.reconstruct(method, state, x)
      return see(source), source + delta, see(source + delta)

    shown = attacked(run.state, source, target)
    sheets += zip(
      (f'{name}: reconstruction', 'attacked', 'its reconstruction'), shown
    )
  with style.use():
    figure, axes = figures.new(6.0, 0.42 * len(sheets), nrows=len(sheets))
    for ax, (name, images) in zip(axes, sheets):
      strip = np.concatenate(list(np.asarray(images)), axis=1)
      ax.imshow(strip.squeeze(), cmap='gray', vmin=0, vmax=1)
      ax.set_ylabel(name, rotation=0, ha='right', va='center')
      ax.set(xticks=[], yticks=[], anchor='E')
    path = workdir / 'figures' / 'attack.png'
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, facecolor='white')
  return path


def main(argv):
  """See the module docstring."""
  from disentangle_jax.engine.workdir import store

  del argv
  if not flags.FLAGS.workdir:
    raise errors.ConfigError('--workdir is missing')
  workdir = pathlib.Path(flags.FLAGS.workdir)
  rows = store.read(workdir)
  rows = rows[~rows['name'].str.startswith('train/')]
  if not rows['name'].isin(RATES).any():
    raise errors.StoreError(f'{workdir}: holds no scores of an attack')
  rows = rows.assign(kind=rows['hparams'].map(kind))
  for name, title in RATES.items():
    print_marginals(marginals(rows, name), title)
  print(f'\n{pictures(workdir, rows)}')


if __name__ == '__main__':
  flags.DEFINE_string('workdir', None, 'Directory of an attack study.')
  cli.run(main)
