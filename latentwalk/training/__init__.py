"""Training a generator: recipes, data, the adversarial training loop, encoders and evaluation."""
