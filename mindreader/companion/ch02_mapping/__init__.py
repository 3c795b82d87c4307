"""companion.ch02_mapping."""
