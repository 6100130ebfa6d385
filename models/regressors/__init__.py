"""Functions of a picture that give one number: the protocol, the built-in ones, and uploaded ONNX models."""
