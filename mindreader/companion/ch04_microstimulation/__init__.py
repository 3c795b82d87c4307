"""Chapter 04: reconstructions after microstimulation (paper §3.3, A.5)."""

from .stimulation import (dose_response, face_and_level_panels, region_sizes, stimulation_effect, stimulation_panels,
                          stimulation_summary)

__all__ = ["dose_response", "face_and_level_panels", "region_sizes", "stimulation_effect", "stimulation_panels",
           "stimulation_summary"]
