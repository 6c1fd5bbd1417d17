"""Takes into the site of mkdocs.yml what pages of docs/ link to outside of it.

Pages of studies, their results, recipes and notes stand elsewhere in the
repository, and links between them are those of a clone. MkDocs reads one
folder: this hook adds the files that a link leads to, as far as links lead, and
writes their links as the site has them.
"""

import pathlib
import posixpath
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs'
_LINK = re.compile(r'(\]\()([^)#\s:]+)(?=[)#])')


def address(path: pathlib.Path) -> str:
  """The place of a file of the repository in the site."""
  home = DOCS if path.is_relative_to(DOCS) else ROOT
  return path.relative_to(home).as_posix()


def linked(page: pathlib.Path) -> list[pathlib.Path]:
  """Files of the repository that a page links to."""
  targets = _LINK.findall(page.read_text(encoding='utf-8'))
  paths = [(page.parent / target).resolve() for _, target in targets]
  return [p for p in paths if p.is_file() and p.is_relative_to(ROOT)]


def outside() -> list[pathlib.Path]:
  """Files outside docs/ that links lead to from there."""
  found, pending = {}, sorted(DOCS.glob('**/*.md'))
  while pending:
    for path in linked(pending.pop()):
      if path not in found and not path.is_relative_to(DOCS):
        found[path] = None
        if path.suffix == '.md':
          pending.append(path)
  return sorted(found)


def rewritten(text: str, page: pathlib.Path) -> str:
  """A page with its links as the site has them."""
  here = posixpath.dirname(address(page))

  def link(match):
    path = (page.parent / match[2]).resolve()
    if not path.is_file() or not path.is_relative_to(ROOT):
      return match[0]
    return match[1] + posixpath.relpath(address(path), here or '.')

  return _LINK.sub(link, text)


def on_files(files, config):
  """MkDocs asks which files there are."""
  from mkdocs.structure import files as mkdocs_files

  for path in outside():
    own = mkdocs_files.File(
      address(path),
      str(ROOT),
      config['site_dir'],
      config['use_directory_urls'],
    )
    files.append(own)
  return files


def on_page_markdown(markdown, page, config, files):
  """MkDocs asks for the text of a page."""
  return rewritten(markdown, pathlib.Path(page.file.abs_src_path))
