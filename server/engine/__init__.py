"""Drawing for many people at once: the inference thread, the preview queue and the backends."""
