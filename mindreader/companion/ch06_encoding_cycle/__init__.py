"""companion.ch06_encoding_cycle."""
