"""Writes links and badges of the notebooks from one setting.

A fork sets REPOSITORY and runs `python notebooks/links.py`. Empty: there are no
badges, and the notebooks say to install from a clone.
"""

import json
import pathlib
import sys

# Such as 'https://github.com/somebody/disentangle_jax'.
REPOSITORY = ''

HERE = pathlib.Path(__file__).parent
_BADGE = 'Open in Colab'
_NO_BADGE = '<!-- no repository: see links.py -->'
_INSTALL = '# Install: '
_COLAB = 'https://colab.research.google.com'


def badge(name: str, repository: str) -> str:
  """The line under a notebook's title.

  Args:
    name: of the file.
    repository: address on GitHub, or ''.
  """
  if not repository:
    return _NO_BADGE
  where = repository.removeprefix('https://').partition('/')[2]
  return (
    f'[![{_BADGE}]({_COLAB}/assets/colab-badge.svg)]({_COLAB}/github/{where}'
    f'/blob/main/notebooks/{name})'
  )


def install(repository: str, extra: str = '') -> list[str]:
  """Lines of the cell that installs the package where it is missing.

  Args:
    repository: address, or ''.
    extra: further words for pip.
  """
  also = f' {extra}' if extra else ''
  if not repository:
    return [
      f'{_INSTALL}in a clone of the repository, `pip install -e .{also}`.\n',
    ]
  return [
    f'{_INSTALL}once, where the package is missing.\n',
    'import importlib.util\n',
    '\n',
    "if importlib.util.find_spec('disentangle_jax') is None:\n",
    f'  %pip install -q git+{repository}{also}',
  ]


def linked(notebook: dict, name: str, repository: str) -> dict:
  """The notebook with its badge and its first code cell made anew."""
  for cell in notebook['cells']:
    source = cell['source']
    if cell['cell_type'] == 'markdown':
      cell['source'] = [
        f'{badge(name, repository)}\n'
        if f'[![{_BADGE}]' in line or _NO_BADGE in line
        else line
        for line in source
      ]
    elif source and source[0].startswith(_INSTALL):
      extra = "'jax[tpu]'" if name.startswith('tpu') else ''
      cell['source'] = install(repository, extra)
  return notebook


def main() -> None:
  """Rewrites every notebook beside this file; --check only compares."""
  stale = []
  for path in sorted(HERE.glob('*.ipynb')):
    text = path.read_text(encoding='utf-8')
    fresh = linked(json.loads(text), path.name, REPOSITORY)
    if fresh != json.loads(text):
      stale.append(path.name)
      if '--check' not in sys.argv:
        fresh_text = json.dumps(fresh, indent=1, ensure_ascii=False) + '\n'
        path.write_text(fresh_text, encoding='utf-8')
  if '--check' in sys.argv and stale:
    sys.exit(f'links of {", ".join(stale)} are not of this setting')


if __name__ == '__main__':
  main()
