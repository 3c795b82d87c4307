"""Chapter 00: the simulated subject, the ground truth planted in it, and its recovery."""

from .decoding import attended_pictures, factor_scores, factors_to_show
from .recovered import (CONTRAST, clip_categories, noise_ceilings, receptive_fields, recovery_table, region_contrasts,
                        subject_summary)
from .subject import NO_PLANT, annotated_scenes, brain_map, repeat_matrix, repeat_reliability, session_drift

__all__ = ["CONTRAST", "NO_PLANT", "annotated_scenes", "attended_pictures", "brain_map", "clip_categories",
           "factor_scores", "factors_to_show", "noise_ceilings", "receptive_fields", "recovery_table",
           "region_contrasts", "repeat_matrix", "repeat_reliability", "session_drift", "subject_summary"]
