"""Chapter 01: caption screening by CLIP (paper §2.1, Figure 2)."""

from ..ch00_subject.subject import NO_PLANT
from .screening import (INTEGER_BINS, captions_kept, screening_auc, screening_examples, screening_summary,
                        threshold_sweep)

__all__ = ["INTEGER_BINS", "NO_PLANT", "captions_kept", "screening_auc", "screening_examples", "screening_summary",
           "threshold_sweep"]
