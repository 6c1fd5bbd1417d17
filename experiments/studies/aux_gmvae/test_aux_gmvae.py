"""What classes name; claims are tested with those of aux_vae."""

import numpy as np

from disentangle_jax.studies.aux_gmvae import page


def test_classes_take_the_value_that_most_of_their_images_have():
  factors = np.array([[0, 1], [0, 0], [1, 1], [2, 1], [2, 0], [2, 1]])
  classes = np.array([5, 5, 5, 7, 7, 7])
  # Factor 0: two of three, three of three; factor 1: two of three, twice.
  expected = [5 / 6, 4 / 6]
  np.testing.assert_allclose(page.class_accuracy(classes, factors), expected)
