"""Reports of a sweep from its store alone: `write(workdir) -> path`."""

from disentangle_jax.report.compose import draw_run, write
from disentangle_jax.report.section import Markup, Section

__all__ = ['Markup', 'Section', 'draw_run', 'write']
