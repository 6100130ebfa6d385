"""Background jobs: the queue, the runner, progress events and checkpoints."""
