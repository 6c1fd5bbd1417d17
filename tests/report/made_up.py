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
