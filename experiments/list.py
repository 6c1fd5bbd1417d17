"""What there is, by name, one line each.

python -m experiments.list methods
python -m experiments.list metrics      with the scores that each gives
python -m experiments.list datasets
python -m experiments.list nets
python -m experiments.list fields       every --config.FIELD, with its default
python -m experiments.list studies
"""

from disentangle_jax.commands import listing

if __name__ == '__main__':
  listing.run()
