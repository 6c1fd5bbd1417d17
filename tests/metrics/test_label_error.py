"""Errors of classifiers and variances of codes on test images, by NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, types
from disentangle_jax.data import joined, stream
from disentangle_jax.metrics.models import class_variance, label_error

SMALL = {'resolution': 8, 'slants': 3, 'thicknesses': 2, 'sizes': 2}
FIRST = {**SMALL, 'hues': 2, 'test': 'held_out', 'labelled': 3}
SECOND = {**SMALL, 'test': 'held_out'}


@pytest.fixture(scope='module')
def domains():
  return data.load(
    'joined', first=('digits', FIRST), second=('digits', SECOND), by='label'
  )


def templates(arrays):
  """A poor classifier: the mean of the test images of each class, centred."""
  images = np.asarray(arrays['test_images'], np.float32) / 255
  images = images.reshape(len(images), -1)
  labels = np.asarray(arrays['test_factors'])[:, 0]
  member = np.eye(10, dtype=np.float32)[labels]  # a class may have none
  means = member.T @ images / np.maximum(member.sum(0), 1)[:, None]
  return (means - images.mean(0)).T


def method_of(second=None):
  """Logits are affine in the pixels; codes are two parts of a projection."""
  flat = lambda x: x.reshape(len(x), -1)

  def represent(state, x):
    code = flat(x) @ state
    return types.Codes(code, {'content': code[:, :4], 'style': code[:, 4:]})

  extras = {'classify': lambda state, x: flat(x) @ state}
  if second is not None:
    extras['classify_secondary'] = lambda state, x: flat(x) @ second
  return types.Method(None, None, represent, None, extras)


def scored(module, dataset, method, state, **options):
  probe = module.make(module.Config(**options), dataset)
  assert probe.fit is None
  score = lambda state: probe.score(
    jax.random.key(0), (), method, state, dataset.arrays, None
  )
  return jax.jit(score)(state)


def test_error_counts_every_test_image_of_both_domains_once(domains):
  first, second = (templates(domains.arrays[k]) for k in ('first', 'second'))
  # Blocks that the images do not fill.
  errors_of = scored(label_error, domains, method_of(second), first, block=13)
  for name, part, weights in (
    ('label_error', 'first', first),
    ('label_error_secondary', 'second', second),
  ):
    arrays = domains.arrays[part]
    images = np.asarray(arrays['test_images'], np.float64) / 255
    said = (images.reshape(len(images), -1) @ weights).argmax(1)
    expected = np.mean(said != np.asarray(arrays['test_factors'])[:, 0])
    assert 0.05 < expected < 0.95
    assert errors_of[name] == pytest.approx(expected, abs=1.01 / len(images))
  # A method that does not know the second domain is not scored on it.
  alone = scored(label_error, domains, method_of(), first)
  assert set(alone) == {'label_error'}
  assert np.isnan(
    scored(label_error, domains, method_of(), np.nan * first)['label_error']
  )


def test_error_of_one_set_and_of_a_perfect_classifier():
  dataset = data.load('digits', **SECOND)
  images = np.asarray(dataset.arrays['test_images'])
  labels = np.asarray(dataset.arrays['test_factors'])[:, 0]

  def look_up(state, x):
    near = jnp.abs(x.reshape(-1, 1, 64) - state).sum(-1)
    return jax.nn.one_hot(jnp.asarray(labels)[jnp.argmin(near, axis=1)], 10)

  method = types.Method(None, None, None, None, {'classify': look_up})
  state = jnp.asarray(images.reshape(-1, 64) / 255.0, jnp.float32)
  assert scored(label_error, dataset, method, state) == {'label_error': 0.0}


def test_variances_are_those_of_numpy(domains):
  weights = np.random.default_rng(1).normal(size=(192, 6)).astype(np.float32)
  weights[:, 5] = 0  # a constant code says nothing
  scores = scored(class_variance, domains, method_of(), weights)
  arrays = domains.arrays['first']
  images = np.asarray(arrays['test_images'], np.float64) / 255
  codes = images.reshape(len(images), -1) @ weights
  labels = np.asarray(arrays['test_factors'])[:, 0]
  for name, columns in (
    ('content_variance', range(4)),
    ('style_variance', range(4, 5)),
  ):
    expected = np.mean(
      [
        codes[labels == label, d].var() / codes[:, d].var()
        for label in set(labels.tolist())
        for d in columns
      ]
    )
    assert 0.05 < expected < 1.5
    assert scores[name] == pytest.approx(expected, rel=1e-4)


def test_variance_in_closed_form():
  labels = np.repeat(np.arange(4), 500)
  of_label = np.stack([labels, labels == 2], 1).astype(np.float32)
  assert class_variance.ratio(of_label, labels, 4) == pytest.approx(0, abs=1e-6)
  noise = np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32)
  assert class_variance.ratio(noise, labels, 4) == pytest.approx(1, abs=0.05)
  # Half and half; labels that do not occur are left out, offsets do nothing.
  both = of_label[:, :1] * 2 + noise[:, :1] + 1000
  share = 1 / (1 + 4 * np.var([0, 1, 2, 3]))
  assert class_variance.ratio(both, labels, 6) == pytest.approx(share, rel=0.1)
  assert np.isnan(class_variance.ratio(np.ones((8, 2)), labels[:8], 4))


def test_test_images_among_those_of_training_are_refused():
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (40, 4, 4)).astype(np.uint8)
  labels = (np.arange(40) % 4)[:, None]
  leaking = stream.stream(
    images[:30],
    labels[:30],
    ('label',),
    test=(images[28:], labels[28:]),
    exact=True,
  )
  sound = stream.stream(
    images[:30],
    labels[:30],
    ('label',),
    test=(images[30:], labels[30:]),
    exact=True,
  )
  for module in (label_error, class_variance):
    with pytest.raises(
      errors.ConfigError, match=r'2 images.*training'
    ) as caught:
      module.make(module.Config(), leaking)
    assert '\n' not in str(caught.value)
    with pytest.raises(errors.ConfigError, match=r'first\.test = .2 images'):
      module.make(module.Config(), joined.join(leaking, sound, 'label'))
    module.make(module.Config(), joined.join(sound, sound, 'label'))


def test_what_it_needs_is_named():
  plain, divided = data.load('digits', **SMALL), data.load('digits', **SECOND)
  with pytest.raises(
    errors.ConfigError, match=r'config\.dataset\.test = .none'
  ):
    label_error.make(label_error.Config(), plain)
  with pytest.raises(errors.ConfigError, match=r'config\.dataset\.first\.test'):
    label_error.make(label_error.Config(), joined.join(plain, divided, 'label'))
  with pytest.raises(errors.ConfigError, match=r'label_error\.factor = 9'):
    label_error.make(label_error.Config(factor=9), divided)
  # The second set need not keep any.
  label_error.make(label_error.Config(), joined.join(divided, plain, 'label'))
