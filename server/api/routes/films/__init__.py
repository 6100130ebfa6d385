"""Routes for walks and for the films made of them."""
