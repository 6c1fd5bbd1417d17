"""Published systems by name: one module of pure functions each."""

from disentangle_jax.methods.vae import annealed_vae
from disentangle_jax.methods.vae import beta_vae
from disentangle_jax.methods.vae import vae

METHODS = {
  'vae': vae,
  'beta_vae': beta_vae,
  'annealed_vae': annealed_vae,
}
