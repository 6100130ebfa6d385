"""The image generators and what loads them; nothing here knows there is a server."""
