"""The page's files in report/page: templates, script and look."""

import functools
from importlib import resources
from typing import Any

import jinja2
import markupsafe

FOLDER = 'page'


def asset(name: str) -> markupsafe.Markup:
  """The text of a file of the page, to stand in it as it is."""
  path = resources.files('disentangle_jax.report') / FOLDER / name
  return markupsafe.Markup(path.read_text(encoding='utf-8'))


@functools.cache
def _environment() -> jinja2.Environment:
  return jinja2.Environment(
    loader=jinja2.FunctionLoader(asset),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )


def render(name: str, **values: Any) -> markupsafe.Markup:
  """A template filled in; every value that is no Markup is escaped.

  Args:
    name: of a file in report/page.
    **values: what the template names.

  Returns:
    HTML.

  Raises:
    jinja2.UndefinedError: the template names a value that is not given.
  """
  return markupsafe.Markup(_environment().get_template(name).render(values))
