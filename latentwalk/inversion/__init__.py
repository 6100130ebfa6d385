"""Inverting images: finding the latent from which a generator renders a given image."""
