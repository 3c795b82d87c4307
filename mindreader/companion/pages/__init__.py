"""Make pages of the book from committed results: directives of Sphinx, one module each (`sphinxext` has them all)."""
