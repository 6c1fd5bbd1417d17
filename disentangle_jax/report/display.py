"""Names as a paper prints them: 'FactorVAE score', '$\\beta$-VAE', 'dSprites'.

Each module owns its own (`DISPLAY`: text of a method or data set, name -> text
of the scores of a metric); a study's `config.display` overrides them.
"""

from collections.abc import Mapping
import re
from typing import Any

from disentangle_jax import data, methods, metrics
from disentangle_jax.report import scores, tables

# Hyper-parameters that papers write as symbols.
SYMBOLS = {
  'beta': r'$\beta$',
  'gamma': r'$\gamma$',
  'gamma_supervised': r'$\gamma_\mathrm{sup}$',
  'c_max': r'$C$',
  'lambda_od': r'$\lambda_{od}$',
  'lambda_d': r'$\lambda_d$',
  'lambda_c': r'$\lambda_c$',
  'lambda': r'$\lambda$',
  'alpha': r'$\alpha$',
  'learning_rate': 'learning rate',
}
# What stands for a symbol where there is no mathematics.
_PLAIN = {
  r'\beta': '\u03b2',
  r'\gamma': '\u03b3',
  r'\lambda': '\u03bb',
  r'\alpha': '\u03b1',
}


def _spaced(name: str) -> str:
  return name.replace('/', ': ').replace('_', ' ')


class Names:
  """Looks names up.

  Args:
    own: name -> text, before all others; from `config.display`.
  """

  def __init__(self, own: Mapping[str, str] | None = None):
    self._own = dict(own or {})
    self._scores: dict[str, str] = {}
    for module in metrics.METRICS.values():
      self._scores |= getattr(module, 'DISPLAY', {})

  def method(self, label: str) -> str:
    """A method as tables of a report label it: 'beta_vae (net=conv)'."""
    name, _, rest = label.partition(' (')
    if label in self._own:
      return self._own[label]
    module = methods.METHODS.get(name)
    text = self._own.get(name) or getattr(module, 'DISPLAY', _spaced(name))
    if not rest:
      return text
    parts = [part.partition('=') for part in rest.rstrip(')').split(', ')]
    return f'{text} ({", ".join(map(self._choice, parts))})'

  def _choice(self, part: tuple[str, str, str]) -> str:
    name, equals, value = part
    return f'{self.hparam(name)}{" = " if equals else ""}{_spaced(value)}'

  def score(self, name: str) -> str:
    """A score by its name."""
    known = self._own.get(name) or self._scores.get(name)
    return known or _spaced(name)

  def dataset(self, name: str) -> str:
    """A data set by its name."""
    module = data.DATASETS.get(name)
    known = self._own.get(name) or getattr(module, 'DISPLAY', '')
    return known or _spaced(name)

  def hparam(self, name: str) -> str:
    """A hyper-parameter, a phase's own with the phase before it."""
    if name in self._own:
      return self._own[name]
    phase, _, leaf = name.rpartition('.')
    text = SYMBOLS.get(leaf, _spaced(leaf))
    return f'{self.method(phase)}: {text}' if phase else text


def named(study: tables.Study, names: Names | None = None) -> tables.Study:
  """The study as figures show it: its runs and cells under a paper's names.

  Args:
    study: as loaded.
    names: of papers; by default those that its configs override.
  """
  names = names or of(study.infos)
  runs, cells = study.runs.copy(), study.cells.copy()
  for frame in (runs, cells):
    frame['method'] = [names.method(str(m)) for m in frame['method']]
    frame['dataset'] = [names.dataset(str(d)) for d in frame['dataset']]
    frame['strength_name'] = [
      names.hparam(str(n)) if n else '' for n in frame['strength_name']
    ]
  return study._replace(runs=runs, cells=cells)


def described(study: tables.Study, column: int) -> scores.Score:
  """A column of `study.scores` as figures show it: under its paper's name."""
  score = scores.describe(study)[column]
  return score._replace(name=of(study.infos).score(score.name))


def of(infos: Any) -> Names:
  """Names with what the configs of workdirs override.

  Args:
    infos: of a study: one `study.json` per workdir.
  """
  own: dict[str, str] = {}
  for info in infos:
    own |= (info.get('config') or {}).get('display') or {}
  return Names(own)


def plain(text: str) -> str:
  """Without mathematics, for Markdown and CSV: Greek as letters."""
  for symbol, letter in _PLAIN.items():
    text = text.replace(symbol, letter)
  text = re.sub(r'\\mathrm\{(\w+)\}', r'\1', text)
  return re.sub(r'[${}]', '', text)


def latex(text: str) -> str:
  """For LaTeX: mathematics stays, all else is escaped."""
  parts = text.split('$')
  for place in range(0, len(parts), 2):
    parts[place] = re.sub(r'([&%#_])', r'\\\1', parts[place])
  return '$'.join(parts)
