"""
Drawings, worked out on the server: where each mark lies, and nothing of how it looks.

Along the drawing everything is a share of its width in percent, which SVG takes in place of
lengths: marks stretch with the page, and letters keep their size at any width.
"""
