"""Chapter 06: activity predicted from pictures, and the cycle back to a picture (paper A.8, Figures 16 and 17)."""

from .ceilings import (ceiling_agreement, ceilings_summary, cortex_map, higher_less_early, missing_repeats, region_accuracy,
                       voxel_accuracy)
from .cycles import cycle_columns, cycle_scores, cycles_summary, missing_cycles
from .encoding import encoding_accuracy, encoding_examples, encoding_summary
from .on_surface import cortex_surface
from .rescoring import leak, NO_REPEAT, rescored, rescoring_summary
from .spaces import (NO_PLANT, partition, partition_recovery, PARTS, region_partition, space_accuracy, space_differences, spaces_summary,
                     unevenness)

__all__ = ["ceiling_agreement", "ceilings_summary", "cortex_map", "cortex_surface", "cycle_columns", "cycle_scores",
           "cycles_summary", "encoding_accuracy", "encoding_examples", "encoding_summary", "higher_less_early", "leak",
           "missing_cycles", "missing_repeats", "NO_PLANT", "NO_REPEAT", "partition", "partition_recovery", "PARTS", "region_accuracy",
           "region_partition", "rescored", "rescoring_summary", "space_accuracy", "space_differences",
           "spaces_summary", "unevenness", "voxel_accuracy"]
