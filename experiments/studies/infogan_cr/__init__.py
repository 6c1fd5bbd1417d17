"""InfoGAN-CR: does a contrast of pairs that share a code disentangle?"""
