"""A process for strangers' files: no files, no network, no other program, and limits of memory and time.

`models.sandbox.client.Jail` is the side that asks; `worker` is the side that is locked in. Nothing here imports torch,
so that a worker is small and starts quickly.
"""
