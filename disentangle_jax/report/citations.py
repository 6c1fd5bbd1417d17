"""BibTeX of the methods, scores and statistics that a report uses.

Every module of a method or a metric says in CITATION, in words, what it is
after; the entries of references.bib are found by that.
"""

from collections.abc import Iterable
import functools
from importlib import resources
import re
from typing import NamedTuple
import unicodedata

from disentangle_jax import methods as methods_lib
from disentangle_jax import metrics

ALWAYS = ('locatello2019challenging', 'agarwal2021deep')
_ENTRY = re.compile(r'^@\w+\{([^,]+),\n.*?^\}$', re.MULTILINE | re.DOTALL)
# 'Kim & Mnih 2018', 'Higgins et al., ...', 'Dupont 2018'.
_AUTHORS = re.compile(
  r'([^\W\d_][\w-]+)(?: & [\w-]+(?= \d{4})| et al\.|(?= \d{4}))(?: (\d{4}))?'
)
_ARXIV = re.compile(r'arXiv:(\d{4}\.\d{5})')


class Entry(NamedTuple):
  """One entry of references.bib.

  Attributes:
    text: as it stands in the file.
    title: in one line, without braces.
    eprint: number at arXiv; ''.
  """

  text: str
  title: str
  eprint: str


@functools.cache
def entries() -> dict[str, Entry]:
  """Key -> entry, in the order of the file."""
  path = resources.files('disentangle_jax.report') / 'references.bib'
  parsed = {}
  for match in _ENTRY.finditer(path.read_text(encoding='utf-8')):
    text = match[0]
    field = lambda name, text=text: re.search(
      rf'^  {name} = \{{(.*?)\}},?$', text, re.MULTILINE | re.DOTALL
    )
    title = ' '.join(re.sub(r'[{}]', '', field('title')[1]).split())
    eprint = field('eprint')
    parsed[match[1]] = Entry(text, title, eprint[1] if eprint else '')
  return parsed


def _plain(name: str) -> str:
  """'Kågebäck' as keys write it: 'kageback'."""
  letters = unicodedata.normalize('NFKD', name.lower())
  return ''.join(c for c in letters if c.isascii() and c.isalpha())


def _of_part(part: str) -> list[str]:
  """Keys of what stands between two semicolons."""
  arxiv = _ARXIV.search(part)
  if arxiv:
    return [k for k, entry in entries().items() if entry.eprint == arxiv[1]]
  keys = []
  for name, year in _AUTHORS.findall(part):
    start = re.compile(f'{_plain(name)}{year or "[0-9]{4}"}[a-z]')
    keys += [key for key in entries() if start.match(key)][:1]
  title = part.partition(',')[0].strip().lower()
  if keys or not title:
    return keys
  return [k for k, e in entries().items() if e.title.lower().startswith(title)]


def of_citation(citation: str) -> tuple[str, ...]:
  """Keys of the entries that a module's CITATION means, each once.

  Sources are set apart by semicolons. An arXiv number decides; else the names
  and years of first authors, or the beginning of a title.

  Args:
    citation: e.g. 'Chen et al. 2018, arXiv:1802.04942; Locatello et al. 2019'.
  """
  keys = [key for part in citation.split(';') for key in _of_part(part)]
  return tuple(dict.fromkeys(keys))


def of_method(method: str) -> tuple[str, ...]:
  """Keys of one method, whatever the sweep set apart: 'vae (net=mlp)'."""
  module = methods_lib.METHODS.get(method.partition(' (')[0])
  return of_citation(getattr(module, 'CITATION', ''))


@functools.cache
def _sources() -> dict[str, str]:
  return {row.name: row.source for row in metrics.describe()}


def of_score(score: str) -> tuple[str, ...]:
  """Keys of one score: 'udr_lasso', 'kl/3'; none of what is not known."""
  sources = _sources()
  citation = sources.get(score) or sources.get(score.partition('/')[0], '')
  return of_citation(citation)


def keys(methods: Iterable[str], scores: Iterable[str]) -> tuple[str, ...]:
  """Keys of the entries to cite for methods and scores, each once."""
  cited = [key for method in methods for key in of_method(method)]
  cited += [key for score in scores for key in of_score(score)]
  return tuple(dict.fromkeys([*cited, *ALWAYS]))


def bibtex(cited: Iterable[str]) -> str:
  """The entries of these keys as one BibTeX file."""
  return '\n\n'.join(entries()[key].text for key in cited) + '\n'
