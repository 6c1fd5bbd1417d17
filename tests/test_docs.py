"""The examples of the documentation run; links between pages lead somewhere."""

import ast
import pathlib
import re
import shlex

import jax
import jax.numpy as jnp
import pytest

from disentangle_jax import methods
from disentangle_jax.commands import claims
from disentangle_jax.engine.plan import planning
from disentangle_jax.methods import catalogue
from disentangle_jax.nn import nets
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import tables

ROOT = pathlib.Path(__file__).parent.parent
PAGES = sorted(
  [
    ROOT / 'README.md',
    *ROOT.glob('docs/**/*.md'),
    *ROOT.glob('experiments/studies/*/README.md'),
  ]
)


def made_folder(workdir):
  (workdir / 'results').mkdir()
  return workdir / 'results'


@pytest.mark.slow
def test_the_worked_examples_of_extending_run(tmp_path, monkeypatch):
  text = (ROOT / 'docs' / 'extending.md').read_text()
  blocks = re.findall(r'^```python\n(.*?)^```', text, re.MULTILINE | re.DOTALL)
  assert len(blocks) == 9
  # A file, so that the source of the method can be read, as in real use.
  program = tmp_path / 'page.py'
  program.write_text('\n'.join(blocks))
  names = {'__name__': 'page'}
  exec(compile(program.read_text(), program, 'exec'), names)
  rows = names['rows']
  # Two methods at two powers and two seeds, and the phase of one, once a seed.
  assert rows['run_id'].nunique() == 10
  assert (rows['status'] == 'ok').all()
  half = rows[rows['name'] == 'half_variance']
  assert half['value'].between(1, 3).all()
  light = rows[rows['name'] == 'added_light']
  assert len(light) == 10 and light['value'].abs().max() < 0.2
  # Eight columns are learnt in 200 steps: blind guessing costs 24 nats.
  best = rows[(rows['name'] == 'reconstruction/nats')]['value'].min()
  assert best < 15
  # Its section and its claim, on the rows that its sweep left.
  rows.to_parquet(made_folder(tmp_path) / 'part-0.parquet')
  study = tables.load([tmp_path])
  (best,) = names['sections'](study)
  assert set(best.body['method']) == set(study.runs['method'])
  (claim,) = names['claims_of'](study)
  verdict = claims_lib.judge(claim, study)
  assert verdict.word in (claims_lib.NOT_SHOWN, claims_lib.VOID), verdict
  # The page's net gives what both halves promise.
  monkeypatch.setitem(nets.NETS, 'residual', names['residual'])
  net = nets.make_config('residual', {'width': 8})
  nets.check(net, (4, 4, 1))
  encoder = nets.Encoder(net, (('mean', 3),))
  decoder = nets.Decoder(net, (4, 4, 1))
  key, image = jax.random.key(0), jnp.zeros((2, 4, 4, 1))
  heads, _ = encoder.init_with_output(key, image)
  assert heads['mean'].shape == (2, 3)
  output, _ = decoder.init_with_output(key, heads['mean'])
  assert output.shape == image.shape


@pytest.mark.parametrize('page', PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_to_files(page):
  for target in re.findall(r'\]\(([^)#]+)\)', page.read_text()):
    if not target.startswith(('http://', 'https://')):
      assert (page.parent / target).exists(), target


def _anchors(page):
  """What a forge and the site call the headings of a page."""
  text = re.sub(r'^```.*?^```', '', page.read_text(), flags=re.M | re.DOTALL)
  heads = (
    re.sub(r'[^\w\- ]', '', h) for h in re.findall(r'^#+ (.*)', text, re.M)
  )
  return {head.strip().lower().replace(' ', '-') for head in heads}


@pytest.mark.parametrize('page', PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_anchors_of_links_are_headings(page):
  for target, anchor in re.findall(r'\]\(([^):]*)#([^)]+)\)', page.read_text()):
    there = (page.parent / target).resolve() if target else page
    assert anchor in _anchors(there), (target, anchor)


@pytest.mark.parametrize(
  'name, made, command',
  [
    ('claims', claims.page, 'experiments.claims'),
    ('studies', claims.index, 'experiments.claims --index'),
    (
      'objectives',
      lambda: catalogue.to_markdown(methods.METHODS).rstrip('\n'),
      'disentangle_jax.methods',
    ),
  ],
)
def test_generated_pages_are_fresh(name, made, command):
  text = (ROOT / 'docs' / f'{name}.md').read_text()
  assert text == made() + '\n', f'run: python -m {command} > docs/{name}.md'


def _commands_of_supervision():
  text = (ROOT / 'docs' / 'supervision.md').read_text()
  code = re.search(r'```python\n# supervised\.py\n(.*?)```', text, re.DOTALL)[1]
  blocks = re.findall(r'```sh\n(.*?)```', text, re.DOTALL)
  lines = '\n'.join(blocks).replace('\\\n', ' ').strip().splitlines()
  return code, [shlex.split(line) for line in lines if line]


@pytest.mark.parametrize(
  'words', _commands_of_supervision()[1], ids=lambda words: words[4]
)
def test_commands_of_the_supervision_page_can_be_planned(words):
  code, _ = _commands_of_supervision()
  names = {}
  exec(code, names)
  flags = dict(word.removeprefix('--').split('=', 1) for word in words[3:])
  _, _, variant = flags.pop('config').partition(':')
  config = names['get_config'](variant)
  flags.pop('workdir')
  for name, text in flags.items():
    *path, field = name.split('.')[1:]
    node = config
    for part in path:
      node = node[part]
    named = field == 'methods'
    node[field] = tuple(text.split(',')) if named else ast.literal_eval(text)
  plan = planning.make(config)
  assert {group.method_name for group in plan.groups} == set(config.methods)
