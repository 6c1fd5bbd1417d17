"""Memory does not grow with the number of steps."""

import pathlib
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, tempfile
sys.path.insert(0, {here!r})
import jax
jax.config.update('jax_num_cpu_devices', 2)
import disentangle_jax as dj
from tiny_study import tiny_config
config = tiny_config()
config.methods, config.metrics = ('beta_vae',), ('kl',)
config.sweep = dj.product({{'hparams.beta': [1, 4]}})
config.steps, config.engine.log_every = {steps}, 0
config.engine.keep_samples = False
rows = dj.sweep(config)
assert rows['step'].max() == {steps}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def peak_mib(steps):
  here = str(pathlib.Path(__file__).parent)
  script = SCRIPT.format(here=here, steps=steps)
  done = subprocess.run(
    [sys.executable, '-c', script],
    check=True,
    capture_output=True,
    text=True,
    timeout=550,
  )
  return float(done.stdout.split()[-1])


@pytest.mark.slow
def test_peak_memory_is_flat_in_the_number_of_steps():
  short, long = peak_mib(1000), peak_mib(100_000)
  # A megabyte per hundred steps would be a thousand.
  assert long < short + 40, (short, long)
