"""Runs a study: hundreds of (method, strength, seed) runs from one command.

  python -m experiments.sweep --config=quickstart \
      --workdir=runs/quickstart

Give the command again to continue; finished runs are skipped. --dry_run shows
the numbered runs and what they need; --config.only=17 does one run alone. Where
the package is installed without this folder, the same is `disentangle-sweep`.
"""

from disentangle_jax.commands import sweep

if __name__ == '__main__':
  sweep.run()
