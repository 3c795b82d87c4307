"""The paper's tables and figures, and the controls it lacks, computed from a pipeline; one module for each chapter."""

from .categories import category_auc, category_summary, category_table, class_counts
from .common import percent, percent_chance
from .decoding import attended_pictures, factor_scores, factors_to_show
from .encoding import cycle_identification, cycle_pictures, encoding_accuracy, encoding_examples, encoding_summary
from .mapping import mapping_history, mapping_summary, retrieval_with_controls
from .pictures import (conditions, distances, draws, gan_history, gan_summary, identification, repeats, sample_columns,
                       two_way)
from .recovered import (CONTRAST, clip_categories, noise_ceilings, receptive_fields, recovery_table, region_contrasts,
                        subject_summary)
from .screening import (INTEGER_BINS, captions_kept, screening_auc, screening_examples, screening_summary,
                        threshold_sweep)
from .stimulation import (dose_response, face_and_level_panels, region_sizes, stimulation_effect, stimulation_panels,
                          stimulation_summary)
from .subject import NO_PLANT, annotated_scenes, brain_map, repeat_matrix, repeat_reliability, session_drift

__all__ = ["CONTRAST", "INTEGER_BINS", "NO_PLANT", "annotated_scenes", "attended_pictures", "brain_map",
           "captions_kept", "category_auc", "category_summary", "category_table", "class_counts", "clip_categories",
           "conditions", "cycle_identification", "cycle_pictures", "distances", "dose_response", "draws",
           "encoding_accuracy", "encoding_examples", "encoding_summary", "face_and_level_panels", "factor_scores",
           "factors_to_show", "gan_history", "gan_summary", "identification", "mapping_history", "mapping_summary",
           "noise_ceilings", "percent", "percent_chance", "receptive_fields", "recovery_table", "region_contrasts",
           "region_sizes", "repeat_matrix", "repeat_reliability", "repeats",
           "retrieval_with_controls", "sample_columns", "screening_auc", "screening_examples", "screening_summary",
           "session_drift", "stimulation_effect", "stimulation_panels", "stimulation_summary", "subject_summary",
           "threshold_sweep", "two_way"]
