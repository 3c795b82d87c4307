"""Chapter 04: reconstructions after microstimulation (paper §3.3, A.5)."""

from .detectors import detector_table, NO_DETECTORS
from .doses import ALL, dose_curves, measured_range, range_table, within_range
from .effects import DETECTED, LOOKS, PATTERNS, consistency_table, effect_table, picture_table
from .panels import category_panels, each_head, level_panels, matched_effect, region_panels, stimulation_summary
from .planted import NO_PLANT, planted_and_recovered, recovered_correlation, recovery_verdicts
from .regions import FACES, FFA, LEVELS, MORE, region_counts, REGIONS
from .sentences import comparisons, RULE, sentence_numbers
from .sliders import Sliders, sliders

__all__ = ["ALL", "category_panels", "comparisons", "consistency_table", "DETECTED", "detector_table", "dose_curves", "each_head",
           "effect_table", "FACES", "FFA", "level_panels", "LEVELS", "LOOKS", "matched_effect", "measured_range", "MORE", "NO_DETECTORS",
           "NO_PLANT", "PATTERNS", "picture_table", "planted_and_recovered", "range_table", "recovered_correlation", "recovery_verdicts",
           "region_counts", "region_panels", "REGIONS", "RULE", "sentence_numbers", "Sliders", "sliders", "stimulation_summary",
           "within_range"]
