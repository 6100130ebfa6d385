"""The adversarial training loop: losses, one step, its state, recorded CUDA graphs and a warm start."""
