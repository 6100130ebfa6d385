"""Regressors, functions from an image to one number: the protocol, built-in ones, fits of ratings, uploaded ONNX."""
