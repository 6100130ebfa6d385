"""Latents: how an edit stores one, and how each layer's latent is mixed from seeds."""
