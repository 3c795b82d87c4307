"""From a world and a brain to a folder in NSD's layout: the simulated subject, whose truth is known.

    Scene, picture ──brain──▶ responses ──session──▶ betas of single trials ──subject──▶ an NSD folder

What was planted lies beside the folder and is read by `recovery` and tests alone. Read `subject` first.
"""

from .recovery import (Attended, attended_things, centre_of_fields, correlations, cross_decode, pattern_reliability,
                       per_picture, preferences, session_moments)
from .subject import SUBJECT, TwinConfig, ensure_twin, read_plant, write_twin

__all__ = ["Attended", "attended_things", "centre_of_fields", "correlations", "cross_decode", "ensure_twin",
           "pattern_reliability", "per_picture", "preferences", "read_plant", "session_moments", "SUBJECT",
           "TwinConfig", "write_twin"]
