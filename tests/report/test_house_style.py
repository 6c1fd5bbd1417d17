"""One look for every figure: `figures` makes them, `style` says how."""

import ast
import pathlib

import matplotlib as mpl
import pytest

from disentangle_jax.report import figures, style

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ('disentangle_jax', 'experiments')
HOME = ('disentangle_jax/report/figures.py', 'disentangle_jax/report/style.py')
# Colours of their own would not follow the page into the dark, nor stay apart
# under colour deficiencies.
INKS = ('color', 'c', 'facecolor', 'edgecolor', 'fc', 'ec', 'mfc', 'mec')
NEUTRAL = ('none', 'white', 'black')
SIZES = ('fontsize', 'labelsize', 'title_fontsize')


def dotted(node):
  """'mpl.figure.Figure' of an attribute; '' of what has no name."""
  parts = []
  while isinstance(node, ast.Attribute):
    parts.append(node.attr)
    node = node.value
  parts.append(node.id if isinstance(node, ast.Name) else '')
  return '.'.join(reversed(parts))


def literal(node):
  return node.value if isinstance(node, ast.Constant) else None


def breaches(source, path):
  """What in a file goes past the house: 'path:line: what'."""
  found = []
  study = path.startswith('experiments/studies')
  for node in ast.walk(ast.parse(source)):
    said = None
    if isinstance(node, ast.Import | ast.ImportFrom):
      names = [alias.name for alias in node.names]
      if isinstance(node, ast.ImportFrom):
        names = [f'{node.module}.{name}' for name in names]
      for name in names:
        if 'pyplot' in name or name.split('.')[0] == 'seaborn':
          said = name
    elif isinstance(node, ast.Subscript):
      name = dotted(node.value)
      if name.endswith('colormaps') and literal(node.slice):
        said = f'{name}[...]'
    elif isinstance(node, ast.Call):
      name = dotted(node.func).rpartition('.')[2]
      if name == 'Figure':
        said = 'Figure(...)'
      for word in node.keywords:
        value = literal(word.value)
        if word.arg == 'cmap' and value is not None:
          said = f'cmap={value!r}'
        elif word.arg in INKS and isinstance(value, str):
          said = None if value in NEUTRAL else f'{word.arg}={value!r}'
        elif study and word.arg in SIZES and value is not None:
          said = f'{word.arg}={value!r}'
        if said:
          break
    if said:
      found.append(f'{path}:{node.lineno}: {said}')
  return found


def test_figures_are_made_in_one_place():
  found = []
  for package in PACKAGES:
    for path in sorted((ROOT / package).rglob('*.py')):
      name = path.relative_to(ROOT).as_posix()
      if name not in HOME:
        found += breaches(path.read_text(encoding='utf-8'), name)
  assert not found, (
    'figures come from report.figures (new, panels, empty), their looks from '
    'report.style:\n' + '\n'.join(found)
  )


@pytest.mark.parametrize(
  'line',
  [
    'import matplotlib.pyplot as plt',
    'from matplotlib import pyplot',
    'import seaborn as sns',
    'figure = mpl.figure.Figure(figsize=(2, 2))',
    'figure = Figure()',
    "axes.imshow(x, cmap='viridis')",
    "axes.plot(x, color='C1')",
    "axes.axhline(0, color='0.5')",
    "shades = mpl.colormaps['viridis']",
    'axes.legend(fontsize=6)',
  ],
)
def test_what_is_refused(line):
  assert breaches(line, 'experiments/studies/x/page.py') != []


@pytest.mark.parametrize(
  'line',
  [
    'figure, axes = figures.new(4.0, 2.8)',
    'grid = figure.subplots(1, 2)',
    'axes.imshow(x, cmap=style.GREYS)',
    "axes.plot(x, color=style.colour(1), mec='none')",
    'shades = mpl.colormaps[style.SEQUENTIAL]',
    'def draw() -> matplotlib.figure.Figure: ...',
  ],
)
def test_what_is_not(line):
  assert breaches(line, 'experiments/studies/x/page.py') == []


def test_lines_without_a_word_on_their_look_have_that_of_the_house():
  with style.use():
    _, axes = figures.new()
    lines = [axes.plot([0, 1])[0] for _ in range(len(style.COLOURS))]
    assert [line.get_color() for line in lines] == list(style.COLOURS)
    dashes = [line.get_linestyle() for line in lines[:2]]
    assert dashes[0] != dashes[1]
    assert mpl.rcParams['image.cmap'] == style.SEQUENTIAL
    assert not axes.spines['top'].get_visible()
