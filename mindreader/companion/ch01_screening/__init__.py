"""companion.ch01_screening."""
