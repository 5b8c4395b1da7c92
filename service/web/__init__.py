"""
Pages: rendered on the server, with nothing from another host and no inline script or style.

`pages` has a file for each, with its `Page`, which `handlers` lists. What a page is asked with is
a `Visit`; what it asks in turn is the `Site`, made by the composition root.
"""
