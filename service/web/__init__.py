"""Pages: rendered on the server, with nothing from another host and no inline script or style."""
