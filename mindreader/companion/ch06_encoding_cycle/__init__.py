"""Chapter 06: activity predicted from pictures, and the cycle back to a picture (paper A.8)."""

from .encoding import cycle_identification, cycle_pictures, encoding_accuracy, encoding_examples, encoding_summary

__all__ = ["cycle_identification", "cycle_pictures", "encoding_accuracy", "encoding_examples", "encoding_summary"]
