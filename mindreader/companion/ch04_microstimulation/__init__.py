"""Chapter 04: reconstructions after microstimulation (paper §3.3, A.5)."""

from ...studies.stimulated import (detector_table, measured_range, NO_DETECTORS, recovered_correlation, recovery_verdicts, region_counts,
                                   RULE)
from ..ch00_subject.subject import NO_PLANT
from .doses import ALL, dose_curves, range_table
from .fits import sentence_numbers, stimulation_summary, Stimulations, trial_counts
from .panels import category_panels, each_head, level_panels, region_panels
from .sliders import Sliders, sliders

__all__ = ["ALL", "category_panels", "detector_table", "dose_curves", "each_head", "level_panels", "measured_range", "NO_DETECTORS",
           "NO_PLANT", "range_table", "recovered_correlation", "recovery_verdicts", "region_counts", "region_panels", "RULE",
           "sentence_numbers", "Sliders", "sliders", "stimulation_summary", "Stimulations", "trial_counts"]
