"""Directions: the value, its unit, its response curve, its walk through latent space and its file format."""
