"""MoCoGAN on moving shapes: does a shape keep its colour?"""
