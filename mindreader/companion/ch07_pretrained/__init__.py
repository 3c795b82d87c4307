"""Chapter 07: the shipped CLIP and generators on held-out scenes, without any brain (paper Figure 12)."""
