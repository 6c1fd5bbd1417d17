"""AND, IN COMMON and IGNORE on the concepts of SCAN.

Higgins et al. 2018, https://arxiv.org/abs/1707.03389. Minimised,
in nats, after `scan` and with all of it frozen, on a picture x that fits what
the operator makes of two symbols:

  KL(q(z|x) || q_r(z | q(z|y_1), q(z|y_2), operator))

q_r is one net for all latents, which sees one latent at a time; see
`methods/concepts/operators.py` for its options. What an operator makes of two
concepts outside of its domain (AND of two that share an attribute, IGNORE of
one that is no part of the other) is not defined: such examples do not exist.
"""

from disentangle_jax import types
from disentangle_jax.methods.concepts import operators, scan

CITATION = 'Higgins et al. 2018, arXiv:1707.03389'
HPARAMS = operators.HPARAMS
DISPLAY = 'SCAN'
TEST = {'dataset': scan.ROOMS, 'static': {'operator_hidden': 8}}
Config = operators.Config
State = operators.State
batch = operators.batch
make = operators.make


def after(config: Config) -> types.Phase:
  """SCAN, which has the same direction."""
  del config
  return types.Phase('scan')
