"""What JAX and flax offer and this package must not call by itself.

Decompositions go through `ops.linalg`, whose docstring says why; recurrent
cells, batch and spectral normalisation through `nn.recurrent` and `nn.norm`.
"""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ('disentangle_jax', 'experiments')

# Dotted names, each with all that is below it -> the files that may use them.
_LINALG = ('disentangle_jax/ops/linalg.py',)
_LAYERS = ('disentangle_jax/nn/recurrent.py', 'disentangle_jax/nn/norm.py')
REFUSED = {
  'jax.numpy.linalg': _LINALG,
  'jax.lax.linalg': _LINALG,
  'jax.scipy.linalg': _LINALG,
  # Both decompose a matrix per key.
  'jax.random.orthogonal': _LINALG,
  'jax.random.multivariate_normal': _LINALG,
  **{
    f'{package}.{name}': _LAYERS
    for package in ('flax.linen.initializers', 'jax.nn.initializers')
    for name in ('orthogonal', 'delta_orthogonal')
  },
  **{
    f'flax.linen.{name}': _LAYERS
    for name in (
      'GRUCell',
      'LSTMCell',
      'OptimizedLSTMCell',
      'SimpleCell',
      'RNN',
      'BatchNorm',
      'SpectralNorm',
    )
  },
}


def _names(tree):
  """All dotted names of a module that begin at an import, with their lines."""
  imported = {}
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      for alias in node.names:
        whole = alias.name
        yield whole, node.lineno
        imported[alias.asname or whole.split('.')[0]] = (
          whole if alias.asname else whole.split('.')[0]
        )
    elif isinstance(node, ast.ImportFrom) and node.module:
      for alias in node.names:
        whole = f'{node.module}.{alias.name}'
        yield whole, node.lineno
        imported[alias.asname or alias.name] = whole
  for node in ast.walk(tree):
    parts, inner = [], node
    while isinstance(inner, ast.Attribute):
      parts.append(inner.attr)
      inner = inner.value
    if parts and isinstance(inner, ast.Name) and inner.id in imported:
      yield '.'.join([imported[inner.id], *reversed(parts)]), node.lineno


def _violations(source, path):
  found = set()
  for name, line in _names(ast.parse(source)):
    for refused, allowed in REFUSED.items():
      if f'{name}.'.startswith(f'{refused}.') and path not in allowed:
        found.add(f'{path}:{line}: {refused}')
  return sorted(found)


def test_nothing_refused_is_called():
  found = []
  for package in PACKAGES:
    files = sorted((ROOT / package).rglob('*.py'))
    assert files
    for file in files:
      path = file.relative_to(ROOT).as_posix()
      found += _violations(file.read_text(), path)
  assert not found, '\n'.join(found)


@pytest.mark.parametrize(
  'source',
  [
    'import jax.numpy as jnp\nx = jnp.linalg.inv(y)',
    'import jax\nx = jax.numpy.linalg.inv(y)',
    'from jax import numpy as jnp\nf = jnp.linalg.norm',
    'from jax.numpy import linalg',
    'from jax.numpy.linalg import inv',
    'import jax.scipy.linalg',
    'import jax.scipy as jsp\nx = jsp.linalg.cho_solve(c, y)',
    'from jax.scipy import linalg as la',
    'import jax\nx = jax.lax.linalg.cholesky(y)',
    'from jax import lax\nx = lax.linalg.qr(y)',
    'from flax import linen as nn\nclass A(nn.Module):\n  c = nn.GRUCell(3)',
    'import flax.linen as nn\nx = nn.RNN(nn.LSTMCell(3))',
    'import flax\nx = flax.linen.BatchNorm()',
    'from flax.linen import SpectralNorm',
    'from flax import linen as nn\nf = nn.initializers.orthogonal()',
    'from flax.linen import initializers\nf = initializers.orthogonal()',
    'import jax\nf = jax.nn.initializers.orthogonal()',
    'import jax\nx = jax.random.orthogonal(k, 3)',
  ],
)
def test_each_way_of_calling_it_is_found(source):
  assert _violations(source, 'disentangle_jax/methods/mine.py')


@pytest.mark.parametrize(
  'source',
  [
    'import numpy as np\nx = np.linalg.inv(y)',
    'from scipy import linalg\nx = linalg.sqrtm(y)',
    'from disentangle_jax.ops import linalg\nx = linalg.qr(y)',
    'from disentangle_jax.nn import norm\nx = norm.BatchNorm()',
    'from flax import linen as nn\nx = nn.LayerNorm()',
    'import jax.numpy as jnp\nx = jnp.linalgebra',
  ],
)
def test_what_is_allowed_is_left_alone(source):
  assert not _violations(source, 'disentangle_jax/methods/mine.py')


def test_their_own_files_may():
  source = 'import jax.numpy as jnp\nx = jnp.linalg.inv(y)'
  assert not _violations(source, 'disentangle_jax/ops/linalg.py')
