"""Background jobs: the runner, the fair queue and semaphore, job events, persistence and checkpoints."""
