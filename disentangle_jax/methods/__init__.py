"""Published systems by name: one module of pure functions each."""

from disentangle_jax.methods.autoencoder import (
  covariance_autoencoder,
  covariance_classifier,
  qlae,
)
from disentangle_jax.methods.control import (
  dynamics_content,
  grasp_cnn,
  grasp_geometry,
  icf,
  icf_fixed,
)
from disentangle_jax.methods.embedding import (
  binomial_deviance,
  f_statistic,
  histogram_loss,
  triplet,
)
from disentangle_jax.methods.gan import (
  causal_mechanisms,
  identity_pretraining,
  infogan,
  infogan_cr,
  infogan_wgan,
  mocogan,
  sd_began,
  sd_gan,
  video_gan,
)
from disentangle_jax.methods.linear import ica, pca, raw_pixels
from disentangle_jax.methods.object import mvae, scene_vae
from disentangle_jax.methods.paired import jade
from disentangle_jax.methods.supervised import (
  dc_ign,
  s2_beta_tcvae,
  s2_beta_vae,
  s2_dip_vae_i,
  s2_factor_vae,
)
from disentangle_jax.methods.text import nl_multitask
from disentangle_jax.methods.vae import (
  annealed_vae,
  aux_gmvae,
  aux_vae,
  beta_tcvae,
  beta_vae,
  capacity_generator,
  dip_vae_i,
  dip_vae_ii,
  factor_vae,
  hfs_tcvae,
  hfs_vae,
  info_vae,
  joint_vae,
  untrained_vae,
  vae,
)
from disentangle_jax.methods.video import independent_prediction
from disentangle_jax.methods.weak import (
  ada_gvae,
  group_vae,
  ivae,
  ml_vae,
  slow_vae,
)

METHODS = {
  'vae': vae,
  'beta_vae': beta_vae,
  'annealed_vae': annealed_vae,
  'factor_vae': factor_vae,
  'beta_tcvae': beta_tcvae,
  'dip_vae_i': dip_vae_i,
  'dip_vae_ii': dip_vae_ii,
  'joint_vae': joint_vae,
  'capacity_generator': capacity_generator,
  'raw_pixels': raw_pixels,
  'pca': pca,
  'ica': ica,
  'untrained_vae': untrained_vae,
  'covariance_autoencoder': covariance_autoencoder,
  'covariance_classifier': covariance_classifier,
  'aux_vae': aux_vae,
  'aux_gmvae': aux_gmvae,
  'jade': jade,
  'f_statistic': f_statistic,
  'triplet': triplet,
  'histogram_loss': histogram_loss,
  'binomial_deviance': binomial_deviance,
  'infogan': infogan,
  'infogan_cr': infogan_cr,
  'infogan_wgan': infogan_wgan,
  'causal_mechanisms': causal_mechanisms,
  'identity_pretraining': identity_pretraining,
  'dc_ign': dc_ign,
  's2_beta_vae': s2_beta_vae,
  's2_factor_vae': s2_factor_vae,
  's2_beta_tcvae': s2_beta_tcvae,
  's2_dip_vae_i': s2_dip_vae_i,
  'ada_gvae': ada_gvae,
  'group_vae': group_vae,
  'ml_vae': ml_vae,
  'slow_vae': slow_vae,
  'sd_gan': sd_gan,
  'sd_began': sd_began,
  'mocogan': mocogan,
  'video_gan': video_gan,
  'info_vae': info_vae,
  'qlae': qlae,
  'ivae': ivae,
  'hfs_vae': hfs_vae,
  'hfs_tcvae': hfs_tcvae,
  'mvae': mvae,
  'scene_vae': scene_vae,
  'independent_prediction': independent_prediction,
  'grasp_geometry': grasp_geometry,
  'grasp_cnn': grasp_cnn,
  'dynamics_content': dynamics_content,
  'icf': icf,
  'icf_fixed': icf_fixed,
  'nl_multitask': nl_multitask,
}
