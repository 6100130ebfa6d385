"""Container formats of checkpoint files: detecting one and reading it under limits."""
