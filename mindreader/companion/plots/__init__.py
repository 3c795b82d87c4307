"""Draw figures from records and tables: one function for each kind of figure; nothing is computed or saved here."""

from .categories import classes_by_kind, differences, masked_regions, masking
from .common import (COLOURS, ORIGIN_LABEL, STYLE, captions_beside_pictures, curve_panels, curves, dots,
                     figure, histogram, picture_grid, picture_sheets, scatter, scores_with_controls, styled, two_lines, volume_slices)
from .coverage import interval_coverage
from .encoding import accuracy_and_ceiling, cycles, encoders, partitions, voxel_map
from .exam import exam_panels, SEEN_COLOURS
from .flatmap import flatten
from .mapping import (DIRECTION, VERDICT, beside_the_paper, hubs, mapped_beside_true, pair_histograms,
                      profiles_and_pairs, verdicts)
from .pictures import ROW_COLOURS, bottleneck, distances_over_size, repeated_reconstructions, score_panels
from .stimulation import beside_random_voxels, doses, planted_beside_recovered
from .subject import (GRADE, REGIONS, REST, annotated_scenes, attended, contrasts, flat_maps, region_slices, repeats,
                      sessions)
from .surface import surface_map

__all__ = ["COLOURS", "DIRECTION", "GRADE", "ORIGIN_LABEL", "REGIONS", "REST", "ROW_COLOURS", "SEEN_COLOURS", "STYLE", "VERDICT",
           "accuracy_and_ceiling", "annotated_scenes", "attended", "beside_random_voxels", "beside_the_paper",
           "bottleneck", "captions_beside_pictures", "classes_by_kind", "contrasts", "curve_panels",
           "curves", "cycles", "distances_over_size", "doses", "dots", "encoders", "exam_panels",
           "figure", "flat_maps", "flatten", "histogram", "hubs", "interval_coverage",
           "differences", "mapped_beside_true", "masked_regions", "masking", "pair_histograms", "partitions", "picture_grid", "picture_sheets",
           "planted_beside_recovered",
           "profiles_and_pairs", "region_slices", "repeated_reconstructions", "repeats", "scatter", "score_panels",
           "scores_with_controls", "sessions", "styled", "surface_map", "two_lines", "verdicts", "volume_slices", "voxel_map"]
