"""Image synthesis for many clients: the inference thread, the preview queue, the generator cache and the backends."""
