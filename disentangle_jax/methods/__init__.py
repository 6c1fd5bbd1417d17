"""Published systems by name: one module of pure functions each."""

from disentangle_jax.methods.vae import annealed_vae, beta_vae, vae

METHODS = {
  'vae': vae,
  'beta_vae': beta_vae,
  'annealed_vae': annealed_vae,
}
