"""Generators and regressors, and how files become them. This layer imports neither latentwalk nor server."""
