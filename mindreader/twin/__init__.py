"""Simulate a subject with known ground truth from scenes and a model brain, in a folder of NSD's layout.

    Scene, picture ──brain──▶ responses ──session──▶ betas of single trials ──subject──▶ an NSD folder

The ground truth (the plant) lies beside the folder and is used only to test its recovery. Read `subject` first.
"""

from .recovery import (Attended, CONTRASTS, correlations, cross_decode, decode_attended, mean_responses, pattern_reliability,
                       preferences, receptive_field_centres, session_moments)
from .subject import SUBJECT, TwinConfig, ensure_twin, read_plant, write_twin

__all__ = ["Attended", "CONTRASTS", "correlations", "cross_decode", "decode_attended", "ensure_twin", "mean_responses",
           "pattern_reliability", "preferences", "read_plant", "receptive_field_centres", "session_moments", "SUBJECT",
           "TwinConfig", "write_twin"]
