"""Mind Reader, the runnable paper: reconstructing complex images from brain activities."""

__version__ = "0.1.0"
