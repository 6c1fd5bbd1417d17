"""Quantised latents and weight decay against neither: QLAE."""
