"""Packaging of disentangle_jax; tool settings live in pyproject.toml."""

import pathlib
import re

import setuptools
from setuptools.command import build_py

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(
  r"^__version__ = '([^']+)'",
  (ROOT / 'disentangle_jax' / 'version.py').read_text(),
  re.MULTILINE,
).group(1)

# Lower bounds are releases that exist. Those of INSTALL and `test` were tried
# all at once on Python 3.11 (CONTRIBUTING.md has the commands), those of other
# extras only resolved; Python 3.12 and 3.13 install newer ones.
INSTALL = [
  'absl-py>=2.1',
  'chex>=0.1.90',
  'flax>=0.12',
  'jax>=0.10.2',  # before, scores moved with the size of blocks
  'jinja2>=3.1',
  'matplotlib>=3.9',
  'ml_collections>=1.1',
  'numpy>=2.0',
  'optax>=0.2.6',
  'orbax-checkpoint>=0.11.30',
  'pandas>=2.2.2',  # the first for NumPy 2
  'pillow>=11',
  'pyarrow>=18',
  'rich>=13.9',
  'safetensors>=0.5',
  'scipy>=1.14',
  'seaborn>=0.13.2',
]
EXTRAS = {
  # Compiles for TPUs from any machine.
  'aot': ['jax[tpu]>=0.10.2'],
  # A workdir in object storage: s3:// and gs://.
  'buckets': ['gcsfs>=2025.3', 's3fs>=2025.3', 'universal_pathlib>=0.3.2'],
  'data': ['h5py>=3.11', 'tensorflow-datasets>=4.9.9'],
  'docs': ['mkdocs-material>=9.5', 'mkdocstrings[python]>=0.26'],
  'torch': ['torch>=2.4'],
  'trackers': ['tensorboardX>=2.6', 'wandb>=0.18'],
  'ray': ['ray>=2.40'],
  'test': [
    'hypothesis>=6.100',
    'mypy>=1.14',
    'pytest>=8.3',
    'pytest-timeout>=2.3.1',
    'pytest-xdist>=3.6.1',
    'ruff>=0.15',  # before, it formatted differently
    'scikit-learn>=1.7',  # `LassoCV(alphas=30)`
    'setuptools>=69',  # Python 3.12 brings none
  ],
}

STUDIES = 'disentangle_jax.studies'
KEYS = setuptools.find_packages('experiments/studies')


class WithoutTests(build_py.build_py):
  """Leaves the tests of studies, which stand beside them, out of a wheel."""

  def find_package_modules(self, package, package_dir):
    """As the base class, without `test_*.py`."""
    modules = super().find_package_modules(package, package_dir)
    return [m for m in modules if not m[1].startswith('test_')]


setuptools.setup(
  cmdclass={'build_py': WithoutTests},
  name='disentangle_jax',
  version=VERSION,
  description=(
    'Hundreds of disentangled-representation training runs at once, in JAX.'
  ),
  long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
  long_description_content_type='text/markdown',
  license='Apache-2.0',
  packages=[
    *setuptools.find_packages(include=['disentangle_jax', 'disentangle_jax.*']),
    *(f'{STUDIES}.{key}' for key in KEYS),
  ],
  # In a clone, `disentangle_jax.studies` looks there by itself.
  package_dir={
    f'{STUDIES}.{key}': f'experiments/studies/{key}' for key in KEYS
  },
  package_data={
    'disentangle_jax': ['py.typed'],
    'disentangle_jax.report': ['page/*', 'references.bib'],
  },
  entry_points={
    'console_scripts': [
      'disentangle = disentangle_jax.commands.main:run',
      'disentangle-sweep = disentangle_jax.commands.sweep:run',
    ]
  },
  python_requires='>=3.11',
  install_requires=INSTALL,
  extras_require=EXTRAS,
  classifiers=[
    'Development Status :: 3 - Alpha',
    'Intended Audience :: Science/Research',
    'Programming Language :: Python :: 3.11',
    'Programming Language :: Python :: 3.12',
    'Programming Language :: Python :: 3.13',
    'Topic :: Scientific/Engineering :: Artificial Intelligence',
  ],
)
