"""JADE: its loss by hand, its baselines' gradient, dropout, what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from disentangle_jax import data, errors, requests
from disentangle_jax.data import joined, samplers, stream
from disentangle_jax.methods.paired import jade
from disentangle_jax.nn import nets
from disentangle_jax.ops import gaussian


def images(shape, rows, seed):
  """A stream of noise with ten labels."""
  pixels = np.random.default_rng(seed).integers(0, 256, (rows, *shape))
  labels = (np.arange(rows) % 10)[:, None]
  return stream.stream(
    pixels.astype(np.uint8), labels, ('label',), name='noise', exact=True
  )


FIRST, SECOND = images((4, 4, 3), 30, 0), images((5, 5, 1), 70, 1)
PAIRED = joined.join(FIRST, SECOND, 'label')
# Affine nets: what they give can be worked out from their kernels.
NET = nets.mlp.Config(encoder_hidden=(), decoder_hidden=())
STATIC = {'net': NET, 'content': 3, 'style': 2, 'classifier_hidden': (7,)}
# The programs are tiny: compiling them is what takes the time.
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)
HPARAMS = {
  'learning_rate': 1e-3,
  'weight_decay': 0.0,
  'label_weight': 7.0,
  'beta': 0.4,
  'match': 0.6,
}


def made(form='jade', rows=24, dataset=PAIRED, **static):
  """(method, state, batch, hparams)."""
  config = jade.Config(**{**STATIC, 'form': form, **static})
  method = jade.make(config, dataset)
  sample = samplers.make(dataset, jade.batch(config))
  batch = quick_jit(sample)(jax.random.key(1), dataset.arrays, jnp.arange(rows))
  hparams = {k: jnp.float32(v) for k, v in HPARAMS.items()}
  state = quick_jit(method.init)(jax.random.key(0), batch, hparams)
  return method, state, batch, hparams


def log_p(params, content):
  """The classifier of one hidden layer in float64, without dropout."""
  first, second = (
    {k: np.asarray(v, np.float64) for k, v in params['classifier'][n].items()}
    for n in ('Dense_0', 'Dense_1')
  )
  hidden = np.maximum(content @ first['kernel'] + first['bias'], 0)
  return special.log_softmax(hidden @ second['kernel'] + second['bias'], axis=1)


def heads(params, images):
  """Outputs of an affine encoder in float64."""
  flat = np.asarray(images, np.float64).reshape(len(images), -1)
  layers = params['encoder']['Heads_0']
  return {
    name: flat @ np.asarray(layer['kernel']) + np.asarray(layer['bias'])
    for name, layer in layers.items()
  }


def cross_entropy(params, domain, images, labels):
  content = heads(params[domain], images)['content']
  return -np.mean(log_p(params, content)[np.arange(len(labels)), labels])


def test_kl_of_diagonal_gaussians_in_closed_form():
  mean = np.array([0.3, -1.2, 2.0], np.float32)
  zero = np.zeros(3, np.float32)
  same = gaussian.kl(mean, zero - 0.7, mean, zero - 0.7)
  np.testing.assert_allclose(same, 0, atol=1e-7)
  # Unit variances: half the squared distance.
  moved = gaussian.kl(mean, zero, zero, zero)
  np.testing.assert_allclose(moved, mean**2 / 2, rtol=1e-6)
  # By quadrature, in the paper's direction: the first against the second.
  z = np.linspace(-30, 30, 200_001)
  p, q = stats.norm(0.3, 0.5), stats.norm(-0.4, 1.7)
  nats = np.trapezoid(p.pdf(z) * (p.logpdf(z) - q.logpdf(z)), z)
  logvar = lambda deviation: jnp.float32(2 * np.log(deviation))
  kl = gaussian.kl(
    jnp.float32(0.3), logvar(0.5), jnp.float32(-0.4), logvar(1.7)
  )
  assert kl == pytest.approx(nats, rel=1e-5)


def test_rows_are_paired_by_their_label():
  config = jade.Config(**STATIC)
  assert requests.Field('secondary') in jade.batch(config)
  asked = (*jade.batch(config), requests.Field('secondary_label'))
  batch = quick_jit(samplers.make(PAIRED, asked))(
    jax.random.key(3), PAIRED.arrays, jnp.arange(100)
  )
  np.testing.assert_array_equal(batch['label'], batch['factors'][:, 0])
  np.testing.assert_array_equal(batch['label'], batch['secondary_label'])
  assert len(set(np.asarray(batch['label']).tolist())) == 10


@pytest.fixture(scope='module')
def joint():
  """The form 'jade' without dropout and with next to no noise of latents."""
  method, state, batch, hparams = made(dropout=0.0)
  quiet = lambda path, x: x - 40.0 if path[-2].key.endswith('_logvar') else x
  params = jax.tree_util.tree_map_with_path(
    lambda path, x: quiet(path, x) if path[-1].key == 'bias' else x,
    state.params,
  )
  state = state._replace(params=params)
  _, scalars = quick_jit(method.update)(
    jax.random.key(2), state, batch, hparams
  )
  return method, state, batch, scalars


def test_loss_by_hand(joint):
  _, state, batch, scalars = joint
  params, labels = state.params, np.asarray(batch['label'])
  posterior, terms = {}, {}
  for domain, before, images in (
    ('primary', '', batch['observation']),
    ('secondary', 'secondary_', batch['secondary']),
  ):
    own = heads(params[domain], images)
    posterior[domain] = own
    z = np.concatenate([own['content_mean'], own['style_mean']], 1)
    (layer,) = params[domain]['decoder'].values()
    raw = z @ np.asarray(layer['kernel']) + np.asarray(layer['bias'])
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    nats = stats.norm(special.expit(raw), 1.0).logpdf(flat).sum(1)
    terms[f'{before}reconstruction'] = -nats.mean()
    said = log_p(params, own['content_mean'])[np.arange(len(labels)), labels]
    terms[f'{before}cross_entropy'] = -said.mean()
    for part in ('content', 'style'):
      m, v = own[f'{part}_mean'], own[f'{part}_logvar']
      kl = 0.5 * (m**2 + np.exp(v) - v - 1)
      terms[f'{before}{part}_kl'] = kl.sum(1).mean()
  (m2, v2), (m4, v4) = (
    (own['content_mean'], own['content_logvar']) for own in posterior.values()
  )
  # 0.5 sum[log v4 - log v2 + (v2 + (m2 - m4)^2) / v4 - 1]
  kl = 0.5 * (v4 - v2 + (np.exp(v2) + (m2 - m4) ** 2) / np.exp(v4) - 1)
  terms['match'] = kl.sum(1).mean()
  for name, value in terms.items():
    np.testing.assert_allclose(scalars[name], value, rtol=2e-4, err_msg=name)
  weight = {'cross_entropy': 7.0, 'reconstruction': 1.0, 'match': 0.6}
  of = lambda name: weight.get(name.removeprefix('secondary_'), 0.4)
  loss = sum(of(name) * value for name, value in terms.items())
  np.testing.assert_allclose(scalars['loss'], loss, rtol=2e-4)


def test_code_holds_content_before_style_and_predicts_from_the_mean(joint):
  method, state, batch, _ = joint
  codes = method.represent(state, batch['observation'])
  own = heads(state.params['primary'], batch['observation'])
  expected = np.concatenate([own['content_mean'], own['style_mean']], 1)
  np.testing.assert_allclose(codes.vector, expected, atol=1e-5)
  np.testing.assert_array_equal(codes.parts['content'], codes.vector[:, :3])
  np.testing.assert_array_equal(codes.parts['style'], codes.vector[:, 3:])
  for name, images in (('', 'observation'), ('_secondary', 'secondary')):
    domain = 'secondary' if name else 'primary'
    content = heads(state.params[domain], batch[images])['content_mean']
    logits = method.extras[f'classify{name}'](state, batch[images])
    np.testing.assert_allclose(logits, log_p(state.params, content), atol=1e-4)
  decoded = method.decode(state, codes.vector)
  assert decoded.shape == batch['observation'].shape
  assert np.all((decoded >= 0) & (decoded <= 1))


def test_paired_has_the_gradient_of_two_cross_entropies():
  """Against differences of the closed form, in every part of the network."""
  method, state, batch, hparams = made('paired', dropout=0.0)
  labels = np.asarray(batch['label'])

  def closed(params):
    return 7.0 * sum(
      cross_entropy(params, domain, batch[images], labels)
      for domain, images in (
        ('primary', 'observation'),
        ('secondary', 'secondary'),
      )
    )

  params = jax.tree.map(lambda x: np.asarray(x, np.float64), state.params)
  after, scalars = quick_jit(method.update)(
    jax.random.key(2), state, batch, hparams
  )
  np.testing.assert_allclose(scalars['loss'], closed(params), rtol=1e-5)
  # Adam's first moment after one step is a tenth of the gradient.
  gradient = jax.tree.map(lambda m: 10 * np.asarray(m), after.opt_state[0].mu)
  assert set(gradient) == {'primary', 'secondary', 'classifier'}
  leaves, tree = jax.tree.flatten(params)
  slopes = jax.tree.leaves(gradient)
  rng = np.random.default_rng(0)
  for number, leaf in enumerate(leaves):
    direction = rng.normal(size=leaf.shape)

    def moved(size, number=number, direction=direction):
      there = list(leaves)
      there[number] = leaves[number] + size * direction
      return closed(jax.tree.unflatten(tree, there))

    slope = (moved(1e-6) - moved(-1e-6)) / 2e-6
    assert slope == pytest.approx(np.sum(slopes[number] * direction), rel=1e-3)


def test_the_papers_nets_have_its_sizes():
  data = joined.join(
    images((32, 32, 3), 20, 0), images((28, 28, 1), 20, 1), 'label'
  )
  config = jade.Config()
  method = jade.make(config, data)
  sample = samplers.make(data, jade.batch(config))
  key, hparams = jax.random.key(0), dict(jade.HPARAMS)
  batch = jax.eval_shape(sample, key, data.arrays, jnp.arange(4))
  state = jax.eval_shape(method.init, key, batch, hparams)
  kernels = {
    '/'.join(p.key for p in path[:-1]): leaf.shape
    for path, leaf in jax.tree_util.tree_leaves_with_path(state.params)
    if path[-1].key == 'kernel'
  }
  first, second = 'primary/encoder', 'secondary/encoder'
  channels = [kernels[f'{first}/Conv_{n}'][-1] for n in range(4)]
  others = [kernels[f'{second}/Conv_{n}'][-1] for n in range(3)]
  assert channels == [64, 96, 64, 8] and others == [32, 32, 16]
  assert f'{second}/Conv_3' not in kernels
  assert kernels[f'{first}/Heads_0/content_mean'] == (4 * 4 * 8, 10)
  assert kernels[f'{second}/Heads_0/style_logvar'] == (4 * 4 * 16, 10)
  hidden = [kernels[f'classifier/Dense_{n}'] for n in range(4)]
  assert hidden == [(10, 500), (500, 500), (500, 500), (500, 10)]
  after, scalars = jax.eval_shape(method.update, key, state, batch, hparams)
  assert jax.tree.leaves(after) == jax.tree.leaves(state)
  assert scalars['match'].shape == ()
  decoded = jax.eval_shape(method.decode, state, jnp.zeros((4, 20)))
  assert decoded.shape == (4, 32, 32, 3)


def test_single_sees_the_first_domain_alone():
  method, state, batch, hparams = made('single', dropout=0.0)
  assert 'secondary' not in batch and set(method.extras) == {'classify'}
  assert method.decode is None
  _, scalars = quick_jit(method.update)(
    jax.random.key(2), state, batch, hparams
  )
  labels = np.asarray(batch['label'])
  expected = cross_entropy(
    state.params, 'primary', batch['observation'], labels
  )
  np.testing.assert_allclose(scalars['loss'], 7.0 * expected, rtol=1e-5)
  assert set(scalars) == {'loss', 'cross_entropy', 'accuracy'}


def test_dropout_is_off_at_test_and_on_in_training():
  method, state, batch, hparams = made('single', dropout=0.5)
  classify = quick_jit(method.extras['classify'])
  first, second = (classify(state, batch['observation']) for _ in range(2))
  np.testing.assert_array_equal(first, second)
  content = heads(state.params['primary'], batch['observation'])['content']
  np.testing.assert_allclose(first, log_p(state.params, content), atol=1e-4)
  update = quick_jit(method.update)
  losses = [
    float(update(jax.random.key(k), state, batch, hparams)[1]['cross_entropy'])
    for k in range(200)
  ]
  assert len(set(losses)) > 100
  # Twice what stays: the hidden layer is the same in the mean, and the logits
  # of an affine layer on it too, but log sums of exponentials lie above.
  labels = np.asarray(batch['label'])
  plain = cross_entropy(state.params, 'primary', batch['observation'], labels)
  error = np.std(losses) / np.sqrt(len(losses))
  assert plain - 4 * error < np.mean(losses) < 1.3 * plain


@pytest.mark.parametrize(
  'static, said',
  [
    ({'content': 0}, 'config.static.content = 0'),
    ({'style': 0}, 'config.static.style = 0'),
    ({'form': 'double'}, "config.static.form: unknown 'double'"),
    ({'dropout': 1.0}, 'config.static.dropout = 1.0'),
    ({'classifier_hidden': (0,)}, 'width of a layer'),
    ({'likelihood': 'normal'}, 'config.static.likelihood'),
  ],
)
def test_options_out_of_range_are_refused(static, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    jade.make(jade.Config(**{**STATIC, **static}), PAIRED)
  assert '\n' not in str(caught.value)


def test_domains_without_common_labels_are_refused():
  config = jade.Config(**STATIC)
  for dataset in (FIRST, joined.join(FIRST, SECOND)):
    with pytest.raises(errors.ConfigError, match="'joined', with config"):
      jade.make(config, dataset)
  # The joined set itself refuses labels that differ.
  with pytest.raises(errors.ConfigError, match='they must be the same'):
    joined.join(FIRST, data.load('xor'), 'label')
