"""companion.plots."""
