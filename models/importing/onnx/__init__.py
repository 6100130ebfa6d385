"""ONNX generators of unknown origin: their inputs, their images, and what their owner says about both."""
