"""AND, IN COMMON and IGNORE on the concepts of JMVAE, a baseline of SCAN.

Higgins et al. 2018, https://arxiv.org/abs/1707.03389: the operators
of `scan_operators` on the posteriors q(z|y) of `jmvae`, with all of it
frozen. Minimised, in nats, on a picture x that fits what comes out:

  KL(q(z|x) || q_r(z | q(z|y_1), q(z|y_2), operator))

See `methods/concepts/operators.py` for the options.
"""

from disentangle_jax import types
from disentangle_jax.methods.concepts import operators, scan

CITATION = 'Higgins et al. 2018, arXiv:1707.03389'
HPARAMS = operators.HPARAMS
DISPLAY = 'JMVAE'
TEST = {'dataset': scan.ROOMS, 'static': {'operator_hidden': 8}}
Config = operators.Config
State = operators.State
batch = operators.batch
make = operators.make


def after(config: Config) -> types.Phase:
  """The system whose concepts these are."""
  del config
  return types.Phase('jmvae')
