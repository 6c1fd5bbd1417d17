"""What modules say they are after leads to entries of references.bib."""

import re
import unicodedata

import pytest

from disentangle_jax import methods, metrics
from disentangle_jax.report import citations

MODULES = {**methods.METHODS, **metrics.METRICS}


def plain(text):
  letters = unicodedata.normalize('NFKD', text)
  return ''.join(c for c in letters.lower() if c.isascii() and c.isalnum())


@pytest.mark.parametrize('name', MODULES)
def test_every_source_of_a_module_has_its_entry(name):
  for part in MODULES[name].CITATION.split(';'):
    keys = citations.of_citation(part)
    assert keys, part
    # An arXiv number must be that of the authors and the year beside it.
    who = re.match(r'\s*([^\W\d]+).*?(\d{4}), arXiv', part)
    if who:
      assert [key.startswith(plain(''.join(who.groups()))) for key in keys] == [
        True
      ]


def test_no_entry_is_of_no_use():
  cited = {
    k for m in MODULES.values() for k in citations.of_citation(m.CITATION)
  }
  assert set(citations.entries()) == cited | set(citations.ALWAYS)


def test_entries_are_whole_and_keyed_by_author_year_and_title():
  text = ''.join(entry.text for entry in citations.entries().values())
  assert text.count('@') == len(citations.entries()) > 20
  for key, entry in citations.entries().items():
    assert entry.text.count('{') == entry.text.count('}'), key
    field = lambda name, entry=entry: re.search(
      rf'^  {name} = \{{(.*?)\}},?$', entry.text, re.MULTILINE | re.DOTALL
    )[1]
    author = field('author').replace(r'{\aa}', 'a')
    author = re.sub(r'\{\\.(\w)\}', r'\1', author)
    assert key.startswith(plain(re.split('[, ]', author)[0]) + field('year'))
    words = [plain(word) for word in re.split(r'[\s-]+', entry.title)]
    assert key.partition(field('year'))[2] in words, key


def test_what_is_not_known_is_not_cited():
  assert citations.of_citation('') == ()
  assert citations.of_citation('made up for this page') == ()
  assert citations.of_method('my_own_method') == ()
  assert citations.of_score('strange') == ()


def test_methods_and_scores_lead_to_their_sources():
  assert citations.of_method('beta_vae (net=mlp)') == ('higgins2017beta',)
  assert citations.of_method('pca') == ('pearson1901lines', 'higgins2017beta')
  assert citations.of_score('udr_lasso') == ('duan2020unsupervised',)
  assert citations.of_score('svm_accuracy_rbf') == ('peychev2017quantifying',)
  assert citations.of_score('kl/3') == ('kingma2014auto',)
  assert citations.of_score('beta_vae_score_changed') == (
    'higgins2017beta',
    'eastwood2018framework',
  )


def test_of_one_name_and_year_the_first_is_meant_without_a_number():
  of = citations.of_citation
  assert of('Locatello et al. 2019') == ('locatello2019challenging',)
  assert of('Locatello et al. 2019, arXiv:1905.13662') == (
    'locatello2019fairness',
  )
  assert of('Somebody 2031; Kim & Mnih 2018') == ('kim2018disentangling',)


def test_the_file_of_a_report_holds_each_entry_once():
  keys = citations.keys(['vae', 'beta_vae', 'pca'], ['kl', 'mig_binned'])
  text = citations.bibtex(keys)
  assert re.findall(r'^@\w+\{(.*),$', text, re.MULTILINE) == list(keys)
  assert len(set(keys)) == len(keys) and set(citations.ALWAYS) < set(keys)
