"""Scores of data sets that have no grid of factors."""

import numpy as np
import pytest
from scipy import special
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax.data import stream
from disentangle_jax.engine.plan import planning, registry

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 4, 4, 1)).astype(np.uint8)
SETS = {
  'unlabelled': stream.stream(IMAGES, name='unlabelled'),
  'labelled': stream.stream(
    IMAGES, np.arange(40)[:, None] % 3, ('label',), name='labelled'
  ),
  'vectors': stream.rows(RNG.normal(size=(40, 5)) + 3, name='vectors'),
}
PARTS = ('index_code_mi', 'total_correlation', 'dimension_wise_kl')


def config_of(name, metrics, method='beta_vae'):
  config = tiny_config()
  with config.unlocked():
    config.dataset = {'name': name}
  config.methods = (method,)
  config.sweep = None
  config.metrics = metrics
  config.metric_options.linear_correlation.num_train = 80
  config.metric_options.linear_correlation.num_top = 2
  config.metric_options.frobenius_degree.num_train = 200
  config.metric_options.reconstruction.num_points = 64
  return config


def scores(rows):
  kept = rows[~rows['name'].str.startswith('train/')]
  return kept.set_index(['seed', 'name', 'representation'])['value']


def test_codes_of_independent_draws_are_scored(tmp_path):
  config = config_of(
    'unlabelled', ('linear_correlation', 'frobenius_degree', 'reconstruction')
  )
  found = scores(dj.sweep(config, tmp_path, datasets=SETS))
  run = dj.load_run(tmp_path, 0, datasets=SETS)
  # All forty images, each of them twice.
  code = np.asarray(run.represent(IMAGES / 255.0).vector)
  variance = np.sort(code.var(axis=0))[::-1]
  want = variance[:2].sum() / variance.sum()
  assert found[0, 'tdv', 'mean'] == pytest.approx(want, rel=1e-5)
  assert found[0, 'frobenius_degree', 'mean'] > 0
  assert np.isfinite(found.to_numpy()).all()


def test_metrics_that_read_labels_take_those_of_the_draws(tmp_path):
  config = config_of('labelled', ('mig_binned', 'linear_correlation'))
  found = scores(dj.sweep(config, tmp_path, datasets=SETS))
  assert (found.loc[:, 'mig_binned', 'mean'] >= 0).all()


def test_the_parts_of_the_kl_are_those_of_all_images(tmp_path):
  config = config_of('labelled', ('elbo', 'kl'))
  config.representations = ('mean',)
  config.metric_options.elbo.num_codes = 4000
  rows = dj.sweep(config, tmp_path, datasets=SETS)
  run = dj.load_run(tmp_path, 0, datasets=SETS)
  parts = run.represent(IMAGES / 255.0).parts
  mean, logvar = (np.asarray(parts[k], float) for k in ('mean', 'logvar'))
  found = scores(rows)[0]
  total = sum(found[f'elbo/{name}'].item() for name in PARTS)
  exact = 0.5 * (mean**2 + np.exp(logvar) - logvar - 1).sum(axis=1).mean()
  assert total == pytest.approx(exact, abs=0.05)
  # By float64, with draws of its own, of the mixture of the forty.
  z = mean + np.exp(logvar / 2) * np.random.default_rng(0).normal(
    size=(500, *mean.shape)
  )
  log_q = -0.5 * (
    (z[:, :, None] - mean) ** 2 / np.exp(logvar) + logvar + np.log(2 * np.pi)
  )
  own = np.einsum('sjjd->sj', log_q)
  joint = special.logsumexp(log_q.sum(axis=-1), axis=-1) - np.log(40)
  information = np.mean(own - joint)
  assert found['elbo/index_code_mi'].item() == pytest.approx(
    information, abs=0.05
  )


def test_a_batch_too_large_for_stratified_sampling_is_refused(tmp_path):
  config = config_of('labelled', ('linear_correlation',), 'beta_tcvae')
  config.static.estimator = 'mss'
  config.batch_size = 41
  planning.make(config, registry.of(datasets=SETS))
  config.batch_size = 42
  with pytest.raises(dj.ConfigError, match=r'config\.batch_size = 42'):
    planning.make(config, registry.of(datasets=SETS))


@pytest.mark.parametrize(
  'name, metric, match',
  [
    ('unlabelled', 'mig_binned', 'has no factors'),
    ('labelled', 'factor_vae_score', 'has no grid'),
    ('labelled', 'udr', 'has no grid'),
  ],
)
def test_what_a_stream_cannot_supply_is_refused(name, metric, match):
  config = config_of(name, (metric,))
  with pytest.raises(dj.ConfigError, match=match):
    planning.make(config, registry.of(datasets=SETS))


def test_codes_without_a_distribution_over_vectors(tmp_path):
  """An autoencoder has no sampled representation; vectors no pictures."""
  config = config_of(
    'vectors',
    ('linear_correlation', 'reconstruction'),
    'covariance_autoencoder',
  )
  config.static.output = 'linear'
  with pytest.raises(dj.ConfigError, match="legal: 'mean'"):
    dj.sweep(config, tmp_path, datasets=SETS)
  config.representations = ('mean',)
  rows = dj.sweep(config, tmp_path, datasets=SETS)
  found = scores(rows)
  assert set(found.index.get_level_values(2)) == {'mean'}
  assert np.isfinite(found.to_numpy()).all()
  run = dj.load_run(tmp_path, 1, datasets=SETS)
  values = np.asarray(SETS['vectors'].arrays['images'])
  back = np.asarray(run.decode(run.represent(values).vector))
  error = np.square(back - values).sum(axis=1).mean()
  got = found[1, 'reconstruction/squared_error', 'mean']
  assert got == pytest.approx(error, rel=0.3)
  with pytest.raises(dj.ConfigError, match='no posterior'):
    run.kl()
  again = dj.sweep(config, tmp_path, datasets=SETS)
  assert len(again) == len(rows)


def test_two_streams_of_one_name_keep_their_own_labels(config):
  """Labels used to be cached by the data set's name: wrong scores, silently."""
  random = np.random.default_rng(0)
  shades = random.integers(0, 4, (300, 1))
  pixels = np.ones((300, 4, 4)) * shades[:, :, None] / 3
  shuffled = random.permutation(300)
  first = stream.stream(pixels, shades, ('shade',), name='same')
  # The same images in another order: equal sizes, other labels in each row.
  second = stream.stream(
    pixels[shuffled], shades[shuffled], ('shade',), name='same'
  )
  config.dataset.update(
    dict.fromkeys(('resolution', 'scales', 'orientations', 'positions'))
  )
  config.dataset.name = 'first'
  own = {'datasets': {'first': first, 'second': second}}
  config.methods = ('raw_pixels',)
  config.hparams.learning_rate = config.static.num_latents = None
  config.metrics = ('mig_binned', 'explicitness')
  config.representations = ('mean',)
  config.seeds = 1
  config.sweep = dj.product({'dataset.name': ['first', 'second']})
  rows = dj.sweep(config, **own)
  scored = rows[rows['name'] == 'explicitness'].set_index('dataset')['value']
  # The shade is the pixels: nothing but the right labels gives 1.
  np.testing.assert_allclose(scored[['first', 'second']], 1.0, atol=1e-3)
