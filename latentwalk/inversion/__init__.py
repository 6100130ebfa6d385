"""From a picture to the latent that a generator would draw it from."""
