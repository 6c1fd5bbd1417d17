"""Reports of a sweep from its store alone: `write(workdir) -> path`."""

from disentangle_jax.report.compose import draw_run, write

__all__ = ['draw_run', 'write']
