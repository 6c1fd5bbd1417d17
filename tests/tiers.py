"""Which tests of a whole list are fast ones, and which are slow.

What is asked of every method on a mesh, or of its lowered program, takes a
program of its own each time. Those below stand for all others: an encoder and a
decoder, a discriminator, a generator, pairs, objects, text. The rest is run
with `pytest -m slow`.
"""

import pytest

FEW = ('beta_vae', 'factor_vae', 'infogan', 'ada_gvae', 'mvae', 'arae')


def few(cases):
  """Cases for `parametrize`; those of other methods are marked slow.

  Args:
    cases: names of methods, or tuples that begin with one.
  """
  name_of = lambda case: case[0] if isinstance(case, tuple) else case
  assert set(FEW) & set(map(name_of, cases))
  return [
    case
    if name_of(case) in FEW
    else pytest.param(
      *(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow
    )
    for case in cases
  ]
