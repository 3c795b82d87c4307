"""The paper's tables and figures, and the controls it lacks, computed from a pipeline; one module for each chapter."""

from ..companion.ch00_subject.decoding import attended_pictures, factor_scores, factors_to_show
from ..companion.ch00_subject.recovered import (CONTRAST, clip_categories, noise_ceilings, receptive_fields,
                                                recovery_table, region_contrasts, subject_summary)
from ..companion.ch00_subject.subject import (NO_PLANT, annotated_scenes, brain_map, repeat_matrix, repeat_reliability,
                                              session_drift)
from ..companion.ch01_screening.screening import (INTEGER_BINS, captions_kept, screening_auc, screening_examples,
                                                  screening_summary, threshold_sweep)
from ..companion.ch02_mapping.mapping import mapping_history, mapping_summary, retrieval_with_controls
from ..companion.ch03_gan.browser import browse
from ..companion.ch03_gan.contribution import (bottleneck_curve, eight_numbers, eight_wide, scores_by_source,
                                               share_supplied, supplied_entries)
from ..companion.ch03_gan.fidelity import DISTANCES, distance_entries, distances, distances_by_size, finetuning_gain
from ..companion.ch03_gan.pictures import (by_head, conditions, draws, extremes, gan_history, identification,
                                           identification_entries, sample_columns, table_6, two_way)
from ..companion.ch04_microstimulation.stimulation import (dose_response, face_and_level_panels, region_sizes,
                                                           stimulation_effect, stimulation_panels, stimulation_summary)
from ..companion.ch05_category_auc.categories import category_auc, category_summary, category_table, class_counts
from ..companion.ch06_encoding_cycle.encoding import (cycle_identification, cycle_pictures, encoding_accuracy,
                                                      encoding_examples, encoding_summary)
from ..companion.common import percent, percent_chance

__all__ = ["CONTRAST", "DISTANCES", "INTEGER_BINS", "NO_PLANT", "annotated_scenes", "attended_pictures",
           "bottleneck_curve", "brain_map", "browse", "by_head", "captions_kept", "category_auc", "category_summary",
           "category_table", "class_counts", "clip_categories", "conditions", "cycle_identification", "cycle_pictures",
           "distance_entries", "distances", "distances_by_size", "dose_response", "draws", "eight_numbers",
           "eight_wide", "encoding_accuracy", "encoding_examples", "encoding_summary", "extremes",
           "face_and_level_panels", "factor_scores", "factors_to_show", "finetuning_gain", "gan_history",
           "identification", "identification_entries", "mapping_history", "mapping_summary", "noise_ceilings",
           "percent", "percent_chance", "receptive_fields", "recovery_table", "region_contrasts", "region_sizes",
           "repeat_matrix", "repeat_reliability", "retrieval_with_controls", "sample_columns",
           "scores_by_source", "screening_auc", "screening_examples", "screening_summary", "session_drift",
           "share_supplied", "stimulation_effect", "stimulation_panels", "stimulation_summary", "subject_summary",
           "supplied_entries", "table_6", "threshold_sweep", "two_way"]
