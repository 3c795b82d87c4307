"""Make pages of the book from committed results: directives of Sphinx, one module each (`sphinxext` has them all)."""

ORIGIN = {"twin": "simulated subject", "nsd": "NSD", "rehearsal": "rehearsal, no result"}     # whose brain, in words
