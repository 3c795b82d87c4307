"""companion.ch00_subject."""
