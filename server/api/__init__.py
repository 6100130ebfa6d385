"""The web interface: routes, the live socket, and the border between requests and the core."""
