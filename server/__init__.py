"""The core of Latentwalk, usable from a notebook, and the web application around it."""
