"""One module per generator family, each implementing the protocol of `models.base`, and the registry that picks one."""
