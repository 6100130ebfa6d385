"""A process for untrusted files: without files, network or other programs, and with limits on memory and time.

`client.Sandbox` is the calling side, `worker` runs inside. Nothing here imports torch, so that a worker is small and
starts quickly.
"""
