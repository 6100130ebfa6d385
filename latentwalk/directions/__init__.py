"""Directions: the value, its unit, its path through latent space and its file format."""
