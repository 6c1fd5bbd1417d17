"""Adversarial examples for autoencoders: objectives and one optimiser.

An objective says how far what a model makes of an image is from what it makes
of a target image; `optimise.minimise` lowers it by a small change of the image.
"""

from disentangle_jax.metrics.models.attacks import latent, optimise, output

# Name -> `objective(method, state, target [B, ...])`, which gives a function
# of images [B, ...] to float32 [B], to be lowered.
OBJECTIVES = {'latent': latent.objective, 'output': output.objective}

__all__ = ['OBJECTIVES', 'latent', 'optimise', 'output']
