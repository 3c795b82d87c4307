"""companion.ch07_pretrained."""
