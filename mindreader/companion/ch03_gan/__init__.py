"""companion.ch03_gan."""
