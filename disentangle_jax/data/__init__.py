"""Data sets by name: `load(name, **static_options) -> Dataset`."""

import dataclasses
import os
from typing import Any

from disentangle_jax import errors, types
from disentangle_jax.data import distributions, joined, kinds
from disentangle_jax.data.control import (
  gridworld,
  planar,
  seek_avoid,
  two_digits,
)
from disentangle_jax.data.procedural import (
  blobs,
  characters,
  digits,
  dsprites,
  dsprites_color,
  dsprites_noisy,
  dsprites_noshape,
  dsprites_scream,
  dsprites_triangle,
  faces,
  graspable,
  lit_solid,
  moving_blobs,
  moving_digits,
  multi_shapes,
  multi_sprites,
  nonstationary_sources,
  random_projection,
  rooms,
  shape_motion,
  shapes3d,
  xor,
)
from disentangle_jax.data.real import (
  cars3d,
  celeba,
  cifar10,
  dsprites_file,
  fashion_mnist,
  frey_faces,
  images,
  mnist,
  mpi3d_real,
  mpi3d_realistic,
  mpi3d_toy,
  npz,
  shapes3d_file,
  smallnorb,
  svhn,
)
from disentangle_jax.data.text import aligned, corpus, grammar, parallel

DATASETS = {
  'aligned_files': aligned,
  'blobs': blobs,
  'cars3d': cars3d,
  'characters': characters,
  'celeba': celeba,
  'cifar10': cifar10,
  'digits': digits,
  'dsprites': dsprites,
  'dsprites_color': dsprites_color,
  'dsprites_file': dsprites_file,
  'dsprites_noisy': dsprites_noisy,
  'dsprites_noshape': dsprites_noshape,
  'dsprites_scream': dsprites_scream,
  'dsprites_triangle': dsprites_triangle,
  'faces': faces,
  'fashion_mnist': fashion_mnist,
  'frey_faces': frey_faces,
  'graspable': graspable,
  'gridworld': gridworld,
  'images': images,
  'joined': joined,
  'lit_solid': lit_solid,
  'mnist': mnist,
  'moving_blobs': moving_blobs,
  'moving_digits': moving_digits,
  'mpi3d_real': mpi3d_real,
  'mpi3d_realistic': mpi3d_realistic,
  'mpi3d_toy': mpi3d_toy,
  'multi_shapes': multi_shapes,
  'multi_sprites': multi_sprites,
  'nonstationary_sources': nonstationary_sources,
  'npz': npz,
  'planar': planar,
  'parallel_sentences': parallel,
  'random_projection': random_projection,
  'seek_avoid': seek_avoid,
  'rooms': rooms,
  'sentences_file': corpus,
  'shape_motion': shape_motion,
  'shapes3d': shapes3d,
  'shapes3d_file': shapes3d_file,
  'smallnorb': smallnorb,
  'svhn': svhn,
  'two_digits': two_digits,
  'template_sentences': grammar,
  'xor': xor,
}

# Sentences made by rules.
TEXTS = ('parallel_sentences', 'template_sentences')

# Made from a seed, no pictures: nothing to download.
VECTORS = ('nonstationary_sources', 'random_projection', 'xor')

# Worlds to act in: nothing to download.
WORLDS = ('planar',)

# Drawn on the device: nothing to download.
RENDERED = (
  'blobs',
  'characters',
  'digits',
  'dsprites',
  'dsprites_color',
  'dsprites_noisy',
  'dsprites_noshape',
  'dsprites_scream',
  'dsprites_triangle',
  'faces',
  'graspable',
  'gridworld',
  'lit_solid',
  'moving_blobs',
  'moving_digits',
  'multi_shapes',
  'multi_sprites',
  'seek_avoid',
  'rooms',
  'shape_motion',
  'shapes3d',
  'two_digits',
)


check = kinds.check


def load(name: str, **options: Any) -> types.Dataset:
  """A data set by name.

  Args:
    name: a key of DATASETS.
    **options: fields of that module's `Config`, and those of
      `distributions.Config`, which sets with a grid of factors take; None keeps
      a default. Paths may be `pathlib.Path`.

  Returns:
    The data set.

  Raises:
    ConfigError: unknown data set or option, an option out of range, or a set
      that does not fit its kind.
  """
  if name not in DATASETS:
    raise errors.choices('config.dataset.name', name, DATASETS)
  module = DATASETS[name]
  own = {f.name for f in dataclasses.fields(module.Config)}
  shared = {f.name for f in dataclasses.fields(distributions.Config)}
  plain = lambda got: os.fspath(got) if isinstance(got, os.PathLike) else got
  chosen = {key: plain(got) for key, got in options.items() if got is not None}
  for key in chosen:
    if key not in own | shared:
      raise errors.choices(f'config.dataset ({name})', key, own | shared)
  pick = lambda fields: {k: v for k, v in chosen.items() if k in fields}
  dataset = module.make(module.Config(**pick(own)))
  config = distributions.Config(**pick(shared))
  dataset = distributions.apply(dataset, config)
  check(dataset)
  return dataset
