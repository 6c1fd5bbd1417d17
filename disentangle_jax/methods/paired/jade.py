"""JADE: two domains with one set of labels, content shared and style apart.

Karimi, Banijamali, Wong & Ghodsi, "JADE: Joint Autoencoders for
Dis-Entanglement", NIPS 2017 workshop on learning disentangled representations,
https://arxiv.org/abs/1711.09163, equation 2. The first domain x has few images,
all of them labelled, the second y many; row b of both has the same label l.
z1, z3 are style and z2, z4 content, which one classifier reads for both.
Minimised, in nats per pair:

  label_weight (-log p(l|z2) - log p(l|z4)) - log p(x|z1, z2) - log p(y|z3, z4)
    + beta (KL(z1) + KL(z2) + KL(z3) + KL(z4)) + match KL(q(z2|x) || q(z4|y))

with KL(z) to N(0, I) and one sample of each latent. The classifier trains on
the sample and predicts from the mean, without dropout. `form` gives the paper's
baselines, in which the code is the content alone, without noise or decoder:

  'single'  label_weight (-log p(l|z2)), x alone
  'paired'  label_weight (-log p(l|z2) - log p(l|z4))

Deviations. The paper writes q(z2|x, l), but its network sees the image alone,
and an encoder that is given l could pass it on: q(z2|x). It gives no weights,
likelihood, optimiser or rate: unit-variance Gaussians, beta and match 1,
label_weight 100 (reconstruction is a sum over thousands of values, which drowns
a label's nats), Adam at 1e-3. It feeds its paired classifier the domains in
alternation; here a step sees a pair. The nets of the paper are
`config.net.name = 'pooled_conv'`; other nets serve both domains alike.

Known failure mode: z2 and z4 both collapsed to the prior match for nothing;
'content_kl' below log(classes) nats together with an error near chance says so.
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import decoders
from disentangle_jax.nn import mlp, nets
from disentangle_jax.ops import axis, gaussian, per_example

CITATION = 'Karimi et al. 2017, arXiv:1711.09163, equation 2'
DISPLAY = 'JADE'
HPARAMS = {
  'learning_rate': 1e-3,
  'weight_decay': 0.0,
  'label_weight': 100.0,
  'beta': 1.0,
  'match': 1.0,
}
STRENGTH = 'match'
TEST = {
  'dataset': ('joined', {'first': 'xor', 'second': 'xor', 'by': 'label'}),
  'static': {'content': 3, 'style': 2, 'classifier_hidden': (16,)},
}
FORMS = ('single', 'paired', 'jade')
# Keys of noise: of latents and of dropout, in each domain.
_LATENTS, _DROPOUT = 0, 1
State = training.State


@dataclasses.dataclass(frozen=True)
class Config(decoders.DecoderConfig):
  """Static choices.

  Attributes:
    net: of the first domain, and of the second but for `secondary_channels`.
    likelihood: of both domains, a key of `decoders.LIKELIHOODS`.
    form: a key of FORMS.
    content: width of z2 and z4.
    style: width of z1 and z3; only 'jade' has them.
    classifier_hidden: widths of the classifier's hidden layers, ReLU.
    dropout: share of its hidden units that a training step sets to 0.
    secondary_channels: of the second domain's convolutions, all pooled, where
      the net is 'pooled_conv'.
  """

  net: nets.NetConfig = nets.pooled_conv.Config()
  likelihood: str = 'gaussian'
  form: str = 'jade'
  content: int = 10
  style: int = 10
  classifier_hidden: tuple[int, ...] = (500, 500, 500)
  dropout: float = 0.5
  secondary_channels: tuple[int, ...] = (32, 32, 16)


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Rows of a joined set and their common label."""
  asked = (requests.Observation(), requests.Field('label'))
  if config.form == 'single':
    return asked
  return (*asked, requests.Field('secondary'))


class _Classifier(nn.Module):
  """(content, factors or None) -> logits.

  Hidden layers are multiplied by the factors, one array for each.
  """

  hidden: tuple[int, ...]
  classes: int

  @nn.compact
  def __call__(self, given):
    x, factors = given
    dense = lambda width: nn.Dense(width, kernel_init=mlp.KERNEL_INIT)
    for number, width in enumerate(self.hidden):
      x = nn.relu(dense(width)(x))
      x = x if factors is None else x * factors[number]
    return dense(self.classes)(x)


class _Domain(NamedTuple):
  """Networks of one domain.

  Attributes:
    init: `(key, observation) -> params`.
    encode: `(params, observation) -> {head: float32 [B, size]}`.
    decoder: see `decoders.Decoder`; None where the form has none.
  """

  init: Callable[..., types.PyTree]
  encode: Callable[..., dict[str, jax.Array]]
  decoder: decoders.Decoder | None


def _domain(config: Config, data: types.Dataset) -> _Domain:
  """Encoder and, in the form 'jade', decoder for a data set's observations."""
  joint = config.form == 'jade'
  heads = (('content', config.content),)
  decoder = None
  if joint:
    sizes = {'content': config.content, 'style': config.style}
    heads = tuple(
      (f'{part}_{head}', size)
      for part, size in sizes.items()
      for head in ('mean', 'logvar')
    )
    decoder = decoders.build(config, data, config.content + config.style)
  nets.check(config.net, data.observation_shape)
  encoder = nets.Encoder(config.net, heads)

  def init(key, observation):
    encoder_key, decoder_key = jax.random.split(key)
    params = {'encoder': encoder.init(encoder_key, observation[:1])['params']}
    return params if decoder is None else params | decoder.init(decoder_key)

  def encode(params, observation):
    return nets.apply(encoder, params['encoder'], observation, config.precision)

  return _Domain(init, encode, decoder)


def _posterior(heads) -> tuple[jax.Array, jax.Array]:
  """Mean and log variance of content and style, in this order: [B, D] each."""
  join = lambda head: jnp.concatenate(
    [heads[f'content_{head}'], heads[f'style_{head}']], axis=-1
  )
  return join('mean'), join('logvar')


def _check(config: Config, data: types.Dataset) -> int:
  """Number of classes; raises ConfigError for what cannot be."""
  checks.choice('config.static.form', config.form, FORMS)
  checks.integer('config.static.content', config.content, 1)
  if config.form == 'jade':
    checks.integer('config.static.style', config.style, 1)
  for width in (*config.classifier_hidden, *config.secondary_channels):
    checks.integer('config.static: width of a layer', width, 1)
  if not 0.0 <= config.dropout < 1.0:
    rule = 'must be at least 0 and below 1'
    raise errors.value('config.static.dropout', config.dropout, rule)
  if 'paired_by' not in data.extras:
    rule = (
      "needs two domains with one set of labels: 'joined', with "
      "config.dataset.by = 'label'"
    )
    raise errors.value('config.dataset.name', data.name, rule)
  classes = data.factor_sizes[data.extras['paired_by'][0]]
  if classes < 2:
    rule = 'needs at least 2 labels to tell apart'
    raise errors.value('config.dataset.first: labels', classes, rule)
  return classes


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: a joined set whose rows share a label.

  Returns:
    The method. The code is [z2 mean, z1 mean] of the first domain, with the
    parts 'mean', 'logvar', 'content' and 'style', or in the baselines the
    content alone. Extras: 'classify' and, but for 'single',
    'classify_secondary'. It reports 'cross_entropy', 'reconstruction',
    'content_kl' and 'style_kl' (nats per image of the first domain), the same
    of the second with 'secondary_' before them, 'match' (nats per pair) and
    'accuracy' in the batch, under dropout.

  Raises:
    ConfigError: no joined set with a common label, an option out of range, a
      net that cannot take the images of a domain.
  """
  classes = _check(config, data)
  joint = config.form == 'jade'
  domains = {'primary': _domain(config, data)}
  if config.form != 'single':
    net = config.net
    if net.name == 'pooled_conv':
      channels = config.secondary_channels
      net = dataclasses.replace(net, channels=channels, pooled=len(channels))
    other = dataclasses.replace(config, net=net)
    domains['secondary'] = _domain(other, data.extras['secondary'])
  fields = {'primary': 'observation', 'secondary': 'secondary'}
  classifier = _Classifier(config.classifier_hidden, classes)

  def init_params(key, batch):
    keys = jax.random.split(key, 3)
    params = {
      name: domain.init(k, batch[fields[name]])
      for k, (name, domain) in zip(keys[1:], domains.items())
    }
    content = jnp.zeros((1, config.content))
    params['classifier'] = classifier.init(keys[0], (content, None))['params']
    return params

  def log_p(params, content, factors=None):
    given = content, factors
    return jax.nn.log_softmax(
      nets.apply(classifier, params['classifier'], given, config.precision)
    )

  def dropout(key, index):
    """What hidden units are multiplied with in training."""
    keep = 1.0 - config.dropout
    return [
      per_example.bernoulli(jax.random.fold_in(key, number), index, keep, (n,))
      / keep
      for number, n in enumerate(config.classifier_hidden)
    ]

  def terms(params, key, name, batch):
    """Scalars of one domain, and the posterior of its content."""
    domain, own = domains[name], params[name]
    observation, index = batch[fields[name]], batch['index']
    heads = domain.encode(own, observation)
    scalars, posterior = {}, None
    if joint:
      mean, logvar = _posterior(heads)
      noise_key = jax.random.fold_in(key, _LATENTS)
      noise = per_example.normal(noise_key, index, mean.shape[1:])
      z = gaussian.sample(mean, logvar, noise)
      raw = domain.decoder.decode(own, z)
      nats = domain.decoder.log_likelihood(own, raw, observation)
      kl = axis.mean(gaussian.kl_to_standard(mean, logvar))
      scalars['reconstruction'] = -axis.mean(nats)
      scalars['content_kl'] = jnp.sum(kl[: config.content])
      scalars['style_kl'] = jnp.sum(kl[config.content :])
      content = z[:, : config.content]
      posterior = heads['content_mean'], heads['content_logvar']
    else:
      content = heads['content']
    factors = dropout(jax.random.fold_in(key, _DROPOUT), index)
    said = log_p(params, content, factors)
    label = batch['label']
    right = jnp.take_along_axis(said, label[:, None], axis=1)[:, 0]
    scalars['cross_entropy'] = -axis.mean(right)
    hit = jnp.argmax(said, axis=-1) == label
    scalars['accuracy'] = axis.mean(hit.astype(jnp.float32))
    return scalars, posterior

  def loss_fn(params, key, state, batch, hparams):
    del state
    scalars, posteriors, loss = {}, [], 0.0
    for name, k in zip(domains, jax.random.split(key, 2)):
      own, posterior = terms(params, k, name, batch)
      loss += hparams['label_weight'] * own['cross_entropy']
      if joint:
        loss += own['reconstruction']
        loss += hparams['beta'] * (own['content_kl'] + own['style_kl'])
        posteriors.append(posterior)
      before = '' if name == 'primary' else f'{name}_'
      scalars |= {f'{before}{term}': value for term, value in own.items()}
    if joint:
      (mean, logvar), (other_mean, other_logvar) = posteriors
      kl = gaussian.kl(mean, logvar, other_mean, other_logvar)
      scalars['match'] = jnp.sum(axis.mean(kl))
      loss += hparams['match'] * scalars['match']
    return loss, ({'loss': loss, **scalars}, ())

  def content_of(params, name, observation):
    heads = domains[name].encode(params[name], observation)
    return heads['content_mean' if joint else 'content']

  def classifying(name):
    def classify(state, observation):
      content = content_of(state.params, name, observation)
      return log_p(state.params, content)

    return classify

  def represent(state, observation):
    heads = domains['primary'].encode(state.params['primary'], observation)
    if not joint:
      return types.Codes(heads['content'], {'content': heads['content']})
    mean, logvar = _posterior(heads)
    parts = {'content': heads['content_mean'], 'style': heads['style_mean']}
    return types.Codes(mean, {'mean': mean, 'logvar': logvar, **parts})

  extras = {'classify': classifying('primary')}
  if 'secondary' in domains:
    extras['classify_secondary'] = classifying('secondary')
  decode, layout = None, types.Layout(plain=config.content)
  if joint:
    of_params, nats_of = decoders.decoding(domains['primary'].decoder)
    # The decoder reads the parameters of its domain alone.
    own = lambda state: state._replace(params=state.params['primary'])
    decode = lambda state, vector: of_params(own(state), vector)
    extras['log_likelihood'] = lambda state, vector, observation: nats_of[
      'log_likelihood'
    ](own(state), vector, observation)
    layout = types.Layout(gaussian=config.content + config.style)
  init, update = training.minimise(init_params, loss_fn)
  return types.Method(init, update, represent, decode, extras, layout)
