"""Evaluating a trained generator; measures work with any function that samples images, not with a network."""
