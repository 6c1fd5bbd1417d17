"""Figures and tables of a study as a paper takes them.

  python -m experiments.paper --workdir=runs/study --out=paper
  python -m experiments.paper --workdir=runs/study --out=paper \\
      --scores=mig_binned,factor_vae_score --width=text

Figures are PDF with embedded fonts, SVG, and PNG at 300 dpi, 3.25 inches wide
(column) or 6.75 (text); the table is LaTeX for booktabs, Markdown and CSV.
--sheets=best shows the first seeds of the best setting of every method side by
side: traversals, reconstructions and draws, each labelled with its seed.
Names are those that papers print; a study's `config.display`, such as
{'beta_vae': 'Ours', 'mig_binned': 'MIG'}, has the last word.
"""

import pathlib

from absl import flags

from disentangle_jax import folders
from disentangle_jax.commands import cli


def main(argv):
  """See the module docstring."""
  from disentangle_jax.report import paper_kit  # slow to import

  cli.no_words(argv)
  given = flags.FLAGS
  cli.required('workdir', given.workdir, 'runs/try')
  for path in paper_kit.write(
    [folders.workdir(path) for path in given.workdir],
    pathlib.Path(given.out),
    given.scores,
    given.width,
    given.representation,
    given.sheets,
    given.seeds,
    given.latents,
  ):
    print(path)


def run() -> None:
  """The command itself."""
  flags.DEFINE_list('workdir', [], 'Finished sweeps, commas between.')
  flags.DEFINE_string('out', 'paper', 'Folder for the files.')
  flags.DEFINE_list('scores', [], 'Scores; by default the one that ranks runs.')
  flags.DEFINE_string('width', 'column', 'column (3.25 in) or text (6.75 in).')
  flags.DEFINE_string(
    'representation', 'mean', 'Of scores that differ in it: mean or sampled.'
  )
  flags.DEFINE_string(
    'sheets', 'best', 'Settings with sheets of their seeds: best, all, none.'
  )
  flags.DEFINE_integer('seeds', 4, 'Of a sheet, at most; the first ones.')
  flags.DEFINE_integer('latents', 5, 'Of a sheet, at most; by KL.')
  cli.run(main, __doc__)
