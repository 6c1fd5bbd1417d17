"""Whether codes that are moved to the other sentiment cross, and keep a topic.

Source: Larsson, Nilsson & Kågebäck 2017, "Disentangled representations for
manipulation of sentiment in text", https://arxiv.org/abs/1712.10066, section 4,
which shows pictures and sentences; the measures are ours. Of the training
sentences `examples` of each label, equally many of each topic, are sources and
targets. The codes of `num_test` test sentences, equally many of each sentiment
and topic, are moved towards the examples of the other label by 'traverse_code',
and

  crossed               share that the method's head calls the target
  kept_topic            share of whose `neighbours` nearest training codes (the
                        examples left out) most are of the sentence's topic
  crossed_within_topic  share for which both hold
  written_transfer      share whose greedy text has the target sentiment: by the
                        grammar, which also asks that it says one sentiment, or,
                        for sentences of files, by `text_classifier`
  written_content       share whose text differs from the source in sentiment
                        alone: skeletons by the grammar; not told of files
  written_both          share for which the last two hold; not told of files
  written_ambiguous     share whose text has no word of sentiment, or of both;
                        not told of files
  written_copied        share whose text is the source
  written_topic         share whose text is about the source's topic
  written_bleu          BLEU-4 of the text against the source, 0 to 100
  moved                 share moved further than a tenth of sqrt(s)
  distance              |V' delta| / sqrt(s), median
  witness               f* at the end of the way, mean; it falls

each 'traversal_<name>' at `budget`, '/budget_<value>' at each of `budgets`,
'/means' of codes moved by the difference of the examples' means,
and '/none' of codes as they are, the limit of a large budget. Beside them
'traversal_reconstruction', the share of test sentences that their own codes
write exactly, and 'traversal_scale', s, the median squared distance between
sources and targets: budgets are in units of 1 / s.

Labels of examples are those that training sees (field 'label'), sentiments of
test sentences the first factor, topics the factor 'topic' or lists of words.
Test sentences are `extras['held_out']` where the set has them.

Known failure modes: a score of crossing alone rewards a move into the middle of
the other class, which forgets the sentence (`written_content`); a head that is
wrong at '/none' crosses without a move; the nearest codes say which topic a
code is near, not what is written from it.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import sentence_groups, text_classifier
from disentangle_jax.ops import bleu, topics, traversal
from disentangle_jax.ops import tokens as tokens_lib

_AT = "; at `budget`, and a table by budget, '/means' and '/none'"
_SHARE = ('higher', 0.0, 1.0)
SCORES = {
  'traversal_crossed': types.Score(
    f'share of moved codes that the head calls the target{_AT}', *_SHARE
  ),
  'traversal_kept_topic': types.Score(
    'share of moved codes whose neighbours are of the own topic', *_SHARE
  ),
  'traversal_crossed_within_topic': types.Score('share of both', *_SHARE),
  'traversal_written_transfer': types.Score(
    'share whose text has the target sentiment', *_SHARE
  ),
  'traversal_written_content': types.Score(
    'share whose text differs in sentiment alone', *_SHARE
  ),
  'traversal_written_both': types.Score(
    'share whose text has the target sentiment and differs in that alone',
    *_SHARE,
  ),
  'traversal_written_ambiguous': types.Score(
    'share whose text has no sentiment, or both', 'lower', 0.0, 1.0
  ),
  'traversal_written_copied': types.Score(
    'share whose text is the source', 'none', 0.0, 1.0
  ),
  'traversal_written_topic': types.Score(
    "share whose text is about the source's topic", *_SHARE
  ),
  'traversal_written_bleu': types.Score(
    'BLEU of the text against the source', 'none', 0.0, 100.0
  ),
  'traversal_moved': types.Score(
    'share moved further than sqrt(s) / 10', 'none', 0.0, 1.0
  ),
  'traversal_distance': types.Score(
    'median length of the move, units of sqrt(s)', 'none', 0.0
  ),
  'traversal_witness': types.Score(
    'mean of f* after the move', 'lower', -1.0, 1.0
  ),
  'traversal_reconstruction': types.Score(
    'share of sentences that their codes write exactly', *_SHARE
  ),
  'traversal_scale': types.Score(
    's, median squared distance of sources and targets', 'none', 0.0
  ),
}
CITATION = 'Larsson, Nilsson & Kågebäck 2017, arXiv:1712.10066, section 4'
RESAMPLING = None
_WHERE = 'config.metric_options.code_traversal'
_SENTIMENTS = 2
_FAR = 0.1
_BLOCK = 500


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_test: test sentences, a multiple of sentiments times topics.
    num_pool: training sentences among which examples and neighbours are.
    num_test_pool: sentences among which those for the test are.
    examples: of each label, a multiple of the topics.
    neighbours: of a moved code.
    budget: of the scores without a name behind, in units of 1 / s.
    budgets: of the tables.
    num_steps: most evaluations of the objective.
    topics: words of each topic; () for the factor 'topic'.
    steps: of training of the judge, where there is no grammar.
  """

  num_test: int = 200
  num_pool: int = 2000
  num_test_pool: int = 1000
  examples: int = 90
  neighbours: int = 5
  budget: float = 1e-1
  budgets: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
  num_steps: int = traversal.NUM_STEPS
  topics: tuple[tuple[str, ...], ...] = ()
  steps: int = 1000


def _cell(budget: float) -> str:
  return f'/budget_{budget:g}'


def _check(config: Config, data: types.Dataset) -> None:
  base.at_least(
    config,
    num_test=1,
    num_pool=1,
    num_test_pool=1,
    examples=1,
    neighbours=1,
    num_steps=1,
    steps=1,
  )
  if data.kind != 'tokens' or 'vocabulary' not in data.extras:
    rule = 'code_traversal moves codes of sentences with a vocabulary'
    raise errors.value('config.dataset.name', data.name, rule)
  if not data.factor_sizes or data.factor_sizes[0] != _SENTIMENTS:
    sizes = data.factor_sizes[0] if data.factor_sizes else 'no'
    rule = f'code_traversal moves between two labels, this set has {sizes}'
    raise errors.value('config.dataset.name', data.name, rule)
  if 'label' not in data.fields:
    rule = "code_traversal reads the field 'label', this set has none"
    raise errors.value('config.dataset.name', data.name, rule)
  for budget in (config.budget, *config.budgets):
    if not checks.is_number(budget) or budget < 0:
      where = 'budget' if budget is config.budget else 'budgets'
      raise errors.value(f'{_WHERE}.{where}', budget, 'must be at least 0')
  if len(set(map(_cell, config.budgets))) < len(config.budgets):
    rule = 'holds a budget twice, to six digits'
    raise errors.value(f'{_WHERE}.budgets', config.budgets, rule)
  if config.neighbours > config.num_pool - 2 * config.examples:
    rule = 'leaves too few sentences of num_pool beside the examples'
    raise errors.value(f'{_WHERE}.neighbours', config.neighbours, rule)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; its context holds sentences, and a judge of files.

  Args:
    config: constants.
    data: sentences with two labels, a vocabulary and topics.

  Returns:
    The probe.

  Raises:
    ConfigError: another kind of data, a constant out of range, topics that
      cannot be told, or no sentences of a label and a topic.
  """
  _check(config, data)
  vocabulary = data.extras['vocabulary']
  column = None
  if config.topics:
    table = topics.table(vocabulary, config.topics, f'{_WHERE}.topics')
    num_topics = len(config.topics)
  elif 'topic' in data.factor_names:
    column = data.factor_names.index('topic')
    num_topics = data.factor_sizes[column]
  else:
    rule = (
      "must be lists of words of each topic: this set has no factor 'topic'"
    )
    raise errors.value(f'{_WHERE}.topics', config.topics, rule)
  groups = _SENTIMENTS * num_topics
  for field, parts in (('num_test', groups), ('examples', num_topics)):
    if getattr(config, field) % parts:
      rule = f'must be a multiple of {parts}, with {num_topics} topics'
      raise errors.value(f'{_WHERE}.{field}', getattr(config, field), rule)
  grammar = data.extras.get('grammar')
  sample_test = data.extras.get('held_out', data.sample)
  # Sentences that are encoded at once.
  most = range(1, min(config.num_pool, _BLOCK) + 1)
  block = max(n for n in most if config.num_pool % n == 0)

  def told_topic(tokens):
    """Of any text; of the grammar's sets where it is one of its sentences."""
    if column is None:
      return topics.of_sentences(tokens, table)
    factors, known = grammar.parse(tokens)
    return jnp.where(known, factors[..., column], topics.UNKNOWN)

  def draw(sample, key, arrays, count, labels):
    rows = sample(key, arrays, jnp.arange(count, dtype=jnp.int32))
    label = rows['label'] if labels else rows['factors'][:, 0]
    if column is None:
      topic = topics.of_sentences(rows['observation'], table)
    else:
      topic = rows['factors'][:, column]
    group = jnp.where(topic < 0, -1, num_topics * label + topic)
    return rows['observation'], topic, group

  def sentences(key, arrays):
    pool_key, test_key = jax.random.split(key)
    tokens, topic, group = draw(
      data.sample, pool_key, arrays, config.num_pool, True
    )
    rows = sentence_groups.of_groups(
      group, groups, config.examples // num_topics
    )
    rows = rows.reshape(_SENTIMENTS, -1)
    test, test_topic, test_group = draw(
      sample_test, test_key, arrays, config.num_test_pool, False
    )
    chosen = sentence_groups.of_groups(
      test_group, groups, config.num_test // groups
    ).ravel()
    counts = jnp.stack(
      [
        jnp.bincount(jnp.where(g < 0, groups, g), length=groups + 1)[:groups]
        for g in (group, test_group)
      ]
    )
    return {
      'pool': tokens,
      'topic': topic.at[rows.ravel()].set(topics.UNKNOWN),
      'examples': rows,
      'test': test[chosen],
      'test_topic': test_topic[chosen],
      'sentiment': test_group[chosen] // num_topics,
    }, counts

  _refuse_missing(sentences, data, num_topics)
  judge = None
  if grammar is None:
    own = text_classifier.Config(steps=config.steps)
    judge = text_classifier.make(own, data, _WHERE)

  def fit(key, arrays):
    sentence_key, judge_key = jax.random.split(key)
    context, _ = sentences(sentence_key, arrays)
    if judge is not None:
      context['judge'] = judge.fit(judge_key, arrays)
    return context

  def polarity(context, tokens):
    if judge is None:
      return grammar.polarity(tokens)
    return judge.predict(context['judge'], tokens)

  def score(key, context, method, state, arrays, batch):
    del key, arrays, batch
    ability = method.extras
    encode = lambda tokens: method.represent(state, tokens).vector
    blocks = context['pool'].reshape(-1, block, data.observation_shape[0])
    pool = jax.lax.map(encode, blocks)
    pool = pool.reshape(config.num_pool, -1)
    sources, targets = pool[context['examples']]
    source, topic = context['test'], context['test_topic']
    vector = encode(source)
    target = 1 - context['sentiment']
    towards = jnp.where(target == 1, 1.0, -1.0)
    scale = traversal.scale_of(sources, targets)
    root = jnp.sqrt(scale)

    def told(vector, distance, after):
      said = jnp.argmax(ability['classify_code'](state, vector), axis=-1)
      crossed = said == target
      on_topic = sentence_groups.majority(
        vector, pool, context['topic'], topic, config.neighbours
      )
      text = ability['write'](state, vector)
      sentiment = polarity(context, text)
      scores = {
        'crossed': crossed,
        'kept_topic': on_topic,
        'crossed_within_topic': crossed & on_topic,
        'written_transfer': sentiment == target,
        'written_copied': jnp.all(text == source, axis=-1),
        'written_topic': told_topic(text) == topic,
        'moved': distance > _FAR * root,
        'witness': after,
      }
      if grammar is not None:
        skeletons = grammar.skeleton(text) == grammar.skeleton(source)
        content = jnp.all(skeletons, axis=-1)
        scores |= {
          'written_content': content,
          'written_both': content & (sentiment == target),
          'written_ambiguous': sentiment < 0,
        }
      means = {
        name: jnp.mean(value, dtype=jnp.float32)
        for name, value in scores.items()
      }
      means['distance'] = jnp.median(distance) / root
      means['written_bleu'] = bleu.corpus(text, source, tokens_lib.EOS)
      return means

    def travelled(budget):
      moved = ability['traverse_code'](
        state,
        vector,
        sources,
        targets,
        budget,
        towards=towards,
        scale=scale,
        num_steps=config.num_steps,
      )
      return told(moved.vector, moved.distance, moved.after)

    def shifted(step):
      after = towards * traversal.witness(
        vector + step, sources, targets, scale
      )
      return told(
        vector + step, jnp.sqrt(jnp.sum(jnp.square(step), axis=-1)), after
      )

    apart = jnp.mean(targets, axis=0) - jnp.mean(sources, axis=0)
    step = towards[:, None] * apart
    cells = {'/means': shifted(step), '/none': shifted(jnp.zeros_like(step))}
    # One after the other: all at once would hold as many memories of L-BFGS.
    budgets = np.asarray((config.budget, *config.budgets), np.float32)
    rows = jax.lax.map(travelled, jnp.asarray(budgets))
    names = ('', *map(_cell, config.budgets))
    for number, name in enumerate(names):
      cells[name] = {key: value[number] for key, value in rows.items()}
    exact = jnp.all(ability['write'](state, vector) == source, axis=-1)
    return {
      f'traversal_{name}{cell}': value
      for cell, scores in cells.items()
      for name, value in scores.items()
    } | {
      'traversal_reconstruction': jnp.mean(exact, dtype=jnp.float32),
      'traversal_scale': scale,
    }

  return types.Probe(
    fit=fit,
    score=score,
    requires=('represent', 'write', 'classify_code', 'traverse_code'),
    constants=dataclasses.asdict(config),
    kinds=('tokens',),
    at_once=4,
  )


def _refuse_missing(sentences, data, num_topics) -> None:
  """Where a label has no sentences of a topic, in one draw of the key 0."""
  counts = jax.jit(lambda key, arrays: sentences(key, arrays)[1])(
    jax.random.key(0), data.arrays
  )
  for part, row in zip(('num_pool', 'num_test_pool'), np.asarray(counts)):
    if row.min() > 0:
      continue
    label, topic = divmod(int(row.argmin()), num_topics)
    total = int(row.sum())
    rule = (
      f'holds no sentence of label {label} and topic {topic} among '
      f'{total} with a topic: kept_topic needs examples of each topic'
    )
    raise errors.value(f'{_WHERE}.{part}', total, rule)
