"""What stands around the code: pages, forms and workflows are whole."""

import importlib.util
import pathlib
import posixpath
import re

import pytest

from disentangle_jax.studies import fields

ROOT = pathlib.Path(__file__).parents[1]
FORMS = sorted((ROOT / '.github').rglob('*.yml'))


def test_the_page_of_fields_is_fresh_and_says_what_each_means():
  page = fields.page()
  assert (ROOT / 'docs' / 'fields.md').read_text() == page + '\n'
  assert not re.search(r'\|\s+\|$', page, re.MULTILINE)
  for field in ('`engine.pack`', '`hparams.beta`', '`static.num_latents`'):
    assert field in page


@pytest.mark.parametrize('path', FORMS, ids=lambda path: path.name)
def test_forms_and_workflows_can_be_read(path):
  yaml = pytest.importorskip('yaml')
  form = yaml.safe_load(path.read_text())
  if 'ISSUE_TEMPLATE' in str(path):
    assert form['name'] and form['description']
    ids = [part['id'] for part in form['body']]
    assert len(set(ids)) == len(ids)
    kinds = {part['type'] for part in form['body']}
    assert kinds <= {'textarea', 'input', 'dropdown', 'markdown', 'checkboxes'}
  else:
    (job,) = form['jobs'].values()
    assert job['strategy']['matrix']['python'] == ['3.11', '3.12', '3.13']
    assert any(step.get('run') == 'bash .ci/run' for step in job['steps'])


def test_every_page_is_in_the_site_and_every_link_of_it_leads_somewhere():
  site = (ROOT / 'mkdocs.yml').read_text()
  for path in (ROOT / 'docs').glob('*.md'):
    assert path.name in site, path.name
    for target in re.findall(r'\]\(([^)#\s]+)', path.read_text()):
      if not target.startswith(('http', 'mailto')):
        assert (path.parent / target).exists(), (path.name, target)


def test_what_pages_link_to_outside_of_docs_is_in_the_site():
  path = ROOT / 'docs' / 'site_links.py'
  spec = importlib.util.spec_from_file_location('site_hook', path)
  site = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(site)
  added = site.outside()
  assert ROOT / 'experiments/studies/attack/README.md' in added
  docs = [page for page in (ROOT / 'docs').rglob('*') if page.is_file()]
  addresses = {site.address(page) for page in (*added, *docs)}
  links = 0
  for page in (*added, *docs):
    if page.suffix != '.md':
      continue
    text = site.rewritten(page.read_text(), page)
    here = posixpath.dirname(site.address(page))
    for target in re.findall(r'\]\(([^)#\s:]+)[)#]', text):
      whole = posixpath.normpath(posixpath.join(here, target))
      assert whole in addresses, (page, target)
      links += 1
  assert links > 500


def test_the_citation_can_be_read():
  yaml = pytest.importorskip('yaml')
  citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
  assert citation['cff-version'] == '1.2.0' and citation['authors']
  assert citation['title'] == 'disentangle_jax' and citation['license']
