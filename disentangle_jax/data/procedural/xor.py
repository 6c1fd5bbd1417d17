"""Exclusive or: four rows of two bits, labelled by whether they differ.

The smallest problem that needs a hidden layer; Kågebäck & Mogren 2018,
https://arxiv.org/abs/1802.05591, section 3.3. Deviations: none known.
"""

import dataclasses

import numpy as np

from disentangle_jax import types
from disentangle_jax.data import stream


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options: none."""


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A stream with the one factor 'xor'; observations are float32 [2], 0 or 1.
  """
  del config
  bits = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
  label = np.bitwise_xor(bits[:, :1], bits[:, 1:])
  return stream.rows(bits, label, ('xor',), name='xor')
