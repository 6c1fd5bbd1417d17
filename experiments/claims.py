"""What finished runs say of papers' claims: published value beside ours.

  python -m experiments.claims --workdir=runs/attack
  python -m experiments.claims --workdir=runs/attack --write
  python -m experiments.claims

The first prints the claims of the study that a workdir holds, with verdict and
interval. --write keeps them, and the study's own tables, in the study's
`results/` in a clone. The last prints what all studies have kept: the page
docs/claims.md.
"""

from disentangle_jax.commands import claims

if __name__ == '__main__':
  claims.run()
