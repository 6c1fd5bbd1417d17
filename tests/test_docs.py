"""The examples of the documentation run; links between pages lead somewhere."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PAGES = sorted([ROOT / 'README.md', *ROOT.glob('docs/**/*.md')])


@pytest.mark.slow
def test_the_worked_examples_of_extending_run(tmp_path):
  text = (ROOT / 'docs' / 'extending.md').read_text()
  blocks = re.findall(r'^```python\n(.*?)^```', text, re.MULTILINE | re.DOTALL)
  assert len(blocks) == 5
  # A file, so that the source of the method can be read, as in real use.
  program = tmp_path / 'page.py'
  program.write_text('\n'.join(blocks))
  names = {'__name__': 'page'}
  exec(compile(program.read_text(), program, 'exec'), names)
  rows = names['rows']
  assert rows['run_id'].nunique() == 4
  assert (rows['status'] == 'ok').all()
  half = rows[rows['name'] == 'half_variance']
  assert half['value'].between(1, 3).all()
  light = rows[rows['name'] == 'added_light']
  assert len(light) == 4 and light['value'].abs().max() < 0.2
  # Eight columns are learnt in 200 steps: blind guessing costs 24 nats.
  best = rows[(rows['name'] == 'reconstruction/nats')]['value'].min()
  assert best < 15


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_links_lead_to_files(page):
  for target in re.findall(r'\]\(([^)#]+)\)', page.read_text()):
    if not target.startswith(('http://', 'https://')):
      assert (page.parent / target).exists(), target
