"""The paper's tables and figures, and the controls it lacks, computed from a pipeline; one module for each chapter."""

from .categories import category_auc, category_summary, category_table, class_counts
from .common import percent, percent_chance
from .encoding import cycle_identification, cycle_pictures, encoding_accuracy, encoding_examples, encoding_summary
from .mapping import mapping_history, mapping_summary, retrieval_misses, retrieval_with_controls
from .pictures import (conditions, distances, draws, gan_history, gan_summary, identification, repeats, sample_columns,
                       two_way)
from .screening import (INTEGER_BINS, captions_kept, screening_auc, screening_examples, screening_summary,
                        threshold_sweep)
from .stimulation import (dose_response, face_and_level_panels, region_sizes, stimulation_effect, stimulation_panels,
                          stimulation_summary)

__all__ = ["INTEGER_BINS", "captions_kept", "category_auc", "category_summary", "category_table", "class_counts",
           "conditions", "cycle_identification", "cycle_pictures", "distances", "dose_response", "draws",
           "encoding_accuracy", "encoding_examples", "encoding_summary", "face_and_level_panels", "gan_history",
           "gan_summary", "identification", "mapping_history", "mapping_summary", "percent", "percent_chance",
           "region_sizes", "repeats", "retrieval_misses", "retrieval_with_controls", "sample_columns", "screening_auc",
           "screening_examples", "screening_summary", "stimulation_effect", "stimulation_panels",
           "stimulation_summary", "threshold_sweep", "two_way"]
