"""Files of figures: DIR/figures/*.png and *.svg, and their inline form."""

import io
import pathlib
import re

from disentangle_jax import storage
from disentangle_jax.report import style


def render(figure) -> str:
  """The figure as SVG on no background.

  Args:
    figure: drawn within `style.use()`. Its layout is settled here, once, and
      stays as it is for later files.

  Returns:
    '<svg ...>...</svg>'.
  """
  # The layout engine draws everything to measure it: once is enough.
  figure.draw_without_rendering()
  figure.set_layout_engine('none')
  out = io.StringIO()
  figure.savefig(out, format='svg', transparent=True, metadata={'Date': None})
  text = out.getvalue()
  text = text[text.index('<svg') :]
  return re.sub(r'<metadata>.*?</metadata>', '', text, flags=re.DOTALL)


def save(figure, folder: pathlib.Path | None, name: str) -> str:
  """Writes `<name>.png` and `<name>.svg`, on white.

  Args:
    figure: drawn within `style.use()`.
    folder: made if it is not there; None: no files.
    name: see `stem`.

  Returns:
    The SVG on no background, for `inline`.

  Raises:
    StoreError: one cannot be written; what was there before is whole.
  """
  svg = render(figure)
  if folder is None:
    return svg
  head, body = svg.split('>', 1)
  white = '<rect width="100%" height="100%" fill="white"/>'
  text = f'<?xml version="1.0" encoding="utf-8"?>\n{head}>{white}{body}'
  pixels = io.BytesIO()
  figure.savefig(pixels, format='png', facecolor='white')
  storage.write_bytes(folder / f'{stem(name)}.svg', text.encode())
  storage.write_bytes(folder / f'{stem(name)}.png', pixels.getvalue())
  return svg


def stem(name: str) -> str:
  """A file name: 'mig_binned (mean)' becomes 'mig_binned_mean'."""
  return re.sub(r'[^\w.-]+|_{2,}', '_', name).replace('__', '_').strip('_')


def inline(svg: str, title: str) -> str:
  """An SVG that takes on the page's light or dark look.

  Args:
    svg: as from `render` or `save`.
    title: read out by screen readers.

  Returns:
    '<svg ...>...</svg>', no larger than drawn, with the style's inks replaced
    by the page's variables.
  """
  head, body = svg.split('>', 1)
  view = re.search(r'viewBox="[^"]*"', head)[0]
  width = float(view.split()[2]) * 96 / 72  # points to pixels
  # Its one rule speaks of '*' and would reach the whole page.
  body = re.sub(
    r'<defs>\s*<style.*?</style>\s*</defs>', '', body, flags=re.DOTALL
  )
  for i, colour in enumerate(style.COLOURS):
    body = body.replace(colour, f'var(--m{i})')
  for i, colour in enumerate(style.RAMP):
    body = body.replace(colour, f'var(--s{i})')
  body = body.replace(style.INK, 'var(--ink)')
  body = body.replace(style.FAINT, 'var(--line)')
  return (
    f'<svg {view} role="img" aria-label="{title}" class="figure"'
    f' style="max-width:{width:.0f}px" xmlns="http://www.w3.org/2000/svg"'
    f' xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
  )
