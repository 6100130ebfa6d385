"""A package, so that the browser it shares is closed before other tests need an event loop of their own."""
