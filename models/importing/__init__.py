"""Strangers' checkpoints: read without running a line of them, told about in a passport, turned into weights of ours.

What parses is pure (bytes in, values out), imports neither torch nor pickle, and runs in the jail; `opening` asks it.
"""
