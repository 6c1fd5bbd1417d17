"""A made-up store: rows with known effects, images of no meaning."""

import json
import pathlib

import numpy as np
import pandas as pd

METHODS = {'beta_vae': 'beta', 'annealed_vae': 'c_max'}
STRENGTHS = {'beta_vae': (1.0, 4.0, 16.0), 'annealed_vae': (0.0, 5.0, 25.0)}
METRICS = ('mig_binned', 'factor_vae_score', 'sap')
LATENTS = 4


def rows_of(
  methods=METHODS,
  strengths=STRENGTHS,
  seeds=5,
  metrics=METRICS,
  representations=('mean', 'sampled'),
  training=(100, 200, 300),
  study='made_up',
  dataset='dsprites',
  first=0,
  noise=0.05,
):
  """Rows of a store: score = 0.3 + effects of method and strength + noise."""
  rng = np.random.default_rng(0)
  rows = []
  number = first
  for m, method in enumerate(methods):
    for s, strength in enumerate(strengths[method]):
      for seed in range(seeds):
        run = {
          'run_id': f'{study}{number:04x}',
          'run_number': number,
          'study': study,
          'method': method,
          'strength_name': methods[method],
          'strength': strength,
          'dataset': dataset,
          'seed': seed,
          'hparams': json.dumps(
            {methods[method]: strength, 'learning_rate': 1e-4}
          ),
          'status': 'ok',
          'versions': json.dumps({'jax': '0.10.2'}),
          'device': 'cpu',
          'seconds': 3.5,
          'metric_seed': -1,
          'constants': '{}',
        }
        level = 0.3 + 0.1 * m + 0.1 * s
        for name in metrics:
          for representation in representations:
            rows.append(
              run
              | {
                'step': 300,
                'representation': representation,
                'name': name,
                'value': level + noise * rng.normal(),
                'metric_seed': 0,
                'constants': json.dumps(
                  {'ceiling': 0.87} if name == 'mig_binned' else {}
                ),
              }
            )
        kl = np.sort(rng.gamma(1.0 + s, size=LATENTS))
        others = {f'kl/{i}': v for i, v in enumerate(kl)} | {
          'kl': kl.sum(),
          'reconstruction/nats': 100 + 10 * s + rng.normal(),
          'reconstruction/squared_error': 20 + 2 * s + rng.normal(),
        }
        for name, value in others.items():
          rows.append(
            run
            | {
              'step': 300,
              'representation': '',
              'name': name,
              'value': value,
            }
          )
        for step in training:
          scalars = {
            'train/loss': 300 - 0.5 * step + rng.normal(),
            'train/reconstruction': 280 - 0.5 * step + rng.normal(),
            'train/kl': kl.sum() * step / 300,
          } | {f'train/kl/{i}': v * step / 300 for i, v in enumerate(kl)}
          for name, value in scalars.items():
            rows.append(
              run
              | {
                'step': step,
                'representation': '',
                'name': name,
                'value': value,
              }
            )
        number += 1
  frame = pd.DataFrame(rows)
  return frame.astype({'strength': float, 'value': float, 'seconds': float})


def samples(run_ids, folder, size=16, channels=1):
  """Writes images of a moving square for every run."""
  folder.mkdir(parents=True, exist_ok=True)
  rng = np.random.default_rng(1)
  values = np.linspace(-2, 2, 7).astype(np.float32)
  for run_id in run_ids:
    traversals = np.zeros((LATENTS, 7, size, size, channels), np.uint8)
    for latent in range(LATENTS):
      for t in range(7):
        at = t + latent
        traversals[latent, t, at : at + 4, 2 * latent : 2 * latent + 5] = 255
    observations = rng.integers(0, 256, (6, size, size, channels), np.uint8)
    np.savez(
      folder / f'{run_id}.npz',
      traversals=traversals,
      traversal_values=values,
      observations=observations,
      reconstructions=255 - observations,
      kl=rng.gamma(1.0, size=LATENTS).astype(np.float32),
    )


WORDS = ('', 'the', 'a', 'red', 'blue', '<ball>', '"cube"', '&', 'rolls')
SHAPES = {
  'image': (16, 16, 1),
  'video': (6, 16, 16, 1),
  'voxels': (16, 16, 16, 1),
  'tokens': (5,),
  'vector': (20,),
}


def observations(kind, codes):
  """What codes [..., 2] look like: a thing that code 0 moves, code 1 dims.

  Args:
    kind: a key of SHAPES.
    codes: float [..., 2], from -2 to 2.

  Returns:
    As `engine.workdir.exported` stores them, [..., *SHAPES[kind]].
  """
  lead = codes.shape[:-1]
  flat = codes.reshape(-1, 2)
  out = np.zeros((len(flat), *SHAPES[kind]))
  for row, (where, light) in zip(out, flat):
    at, shade = round(2 * where) + 6, (light + 3) / 5
    if kind == 'image':
      row[at : at + 4, 6:10] = shade
    elif kind == 'video':
      for t in range(6):
        row[t, at : at + 4, 2 * t : 2 * t + 4] = shade
    elif kind == 'voxels':
      row[4:12, at : at + 4, 5:11] = shade
    elif kind == 'vector':
      row[:] = light + np.sin(where + np.arange(20) / 3)
    else:
      row[:] = (1, 3 + (where > 0.6), 5 + (light > 0.6), 8, 0)
  if kind == 'tokens':
    return out.astype(np.int32).reshape(*lead, 5)
  if kind != 'vector':
    out = np.round(255 * out).astype(np.uint8)
  else:
    out = out.astype(np.float32)
  return out.reshape(*lead, *SHAPES[kind])


def sample(kind, without=(), **more):
  """Arrays of `samples/<run_id>.npz` as the engine writes them.

  Args:
    kind: a key of SHAPES.
    without: names of arrays to leave out.
    **more: further arrays.
  """
  values = np.linspace(-2, 2, 5).astype(np.float32)
  codes = np.random.default_rng(2).uniform(-2, 2, (4, 2))
  walks = np.broadcast_to(codes[0], (3, 5, 2)).copy()
  walks[0, :, 0], walks[1, :, 1] = values, values  # latent 2 does nothing
  arrays = {
    'kind': kind,
    'traversal_values': values,
    'traversals': observations(kind, walks),
    'observations': observations(kind, codes),
    'reconstructions': observations(kind, 0.7 * codes),
    'generated': observations(kind, codes[::-1]),
    'kl': np.array([0.5, 2.0, np.nan], np.float32),
    **({'vocabulary': np.array(WORDS)} if kind == 'tokens' else {}),
    **more,
  }
  return {k: v for k, v in arrays.items() if k not in without}


def phased(earlier='dae', seeds=3, **kwargs):
  """Rows of runs that start from others, and of those: one for each seed."""
  name = f'{earlier}.noise'
  last = rows_of(
    methods={'scan': name},
    strengths={'scan': (0.1, 0.5)},
    seeds=seeds,
    **kwargs,
  )
  first = rows_of(
    methods={'denoising': 'noise'},
    strengths={'denoising': (0.1, 0.5)},
    seeds=seeds,
    study='before',
    first=2 * seeds,
    metrics=(),
  )
  # The later run of a strength and seed starts from the earlier one's.
  number = last['run_number'] + 2 * seeds
  last['after'] = ['before' + f'{n:04x}' for n in number]
  last['hparams'] = [
    json.dumps({'beta': 1.0, name: s}) for s in last['strength']
  ]
  first['study'] = last['study'].iloc[0]
  rows = pd.concat(
    [last.assign(phase=''), first.assign(phase=earlier, after='')]
  )
  return rows.reset_index(drop=True)


def write_store(workdir, frame, parts=3, with_samples=True, info=True):
  """Writes a workdir as a sweep leaves it."""
  workdir = pathlib.Path(workdir)
  (workdir / 'results').mkdir(parents=True, exist_ok=True)
  for i, part in enumerate(np.array_split(np.arange(len(frame)), parts)):
    path = workdir / 'results' / f'{i:05d}.parquet'
    frame.iloc[part].to_parquet(path, index=False)
  if with_samples:
    samples(frame['run_id'].unique(), workdir / 'samples')
  if info:
    (workdir / 'study.json').write_text(
      json.dumps(
        {
          'study': frame['study'].iloc[0] if len(frame) else 'empty',
          'description': 'A made-up study.',
          'command': 'python -m experiments.sweep --config=made_up.py'
          f' --workdir={workdir}',
          'config': {
            'steps': 300,
            'batch_size': 64,
            'metrics': list(METRICS),
            'seeds': 5,
          },
          'started': '2026-01-02T03:04:05',
          'wall_seconds': 12.5,
          'versions': {'jax': '0.10.2', 'disentangle_jax': '0.1.0'},
          'devices': '1 x cpu',
        }
      )
    )
  return workdir
