"""Chapter 04: reconstructions after microstimulation (paper §3.3, A.5)."""

from .detectors import detector_table
from .doses import dose_response, measured_range, range_table, within_range
from .effects import consistency_table, effect_table, picture_table
from .planted import planted_and_recovered, recovered_correlation, recovery_verdicts
from .regions import FACES, FFA, LEVELS, REGIONS, region_sizes
from .sentences import comparisons, RULE, sentence_numbers
from .sliders import Sliders, sliders
from .stimulation import (face_and_level_panels, region_panels, stimulation_effect, stimulation_panels,
                          stimulation_summary)

__all__ = ["comparisons", "consistency_table", "detector_table", "dose_response", "effect_table", "FACES",
           "face_and_level_panels", "FFA", "LEVELS", "measured_range", "picture_table", "planted_and_recovered", "range_table",
           "recovered_correlation", "recovery_verdicts", "region_panels", "region_sizes", "REGIONS", "RULE", "sentence_numbers",
           "Sliders", "sliders", "stimulation_effect", "stimulation_panels", "stimulation_summary", "within_range"]
