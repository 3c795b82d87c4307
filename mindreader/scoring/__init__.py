"""From two `Embeddings` to a table of scores, with intervals, chance levels and controls.

    predicted, true ──ranking, forced_choice, distances──▶ rows of a tidy table
    the same by several fits ──contributions, two_level──▶ an interval over pictures and fits

Scores depend on embeddings alone, not on how they were made. Read `ranking` first.
"""

from .contributions import (auc_contributions, correlation_contributions, frechet_contributions,
                            identification_contributions, mean_contributions, retrieval_contributions, weighted_contributions)
from .controls import (Bottleneck, category_embeddings, mean_embedding, over_repeats, retrieval_by_repeats, shuffled,
                       training_embeddings)
from .distances import distance_by_size, distance_difference, distance_limit, distance_rows, frechet_distance
from .forced_choice import (categories_as_annotations, CHOICES, identification, n_way, n_way_drawn, n_way_sampled,
                            n_way_within, rarest_categories)
from .intervals import bootstrap_interval, CONFIDENCE, quantiles, SCORE_COLUMNS, score_row, stamp, wilson
from .names import distance_kind, distance_names, FRECHET, KERNEL, plain_metric
from .ranking import (BATCH, check_direction, combined_batch, combined_retrieval, Direction, DIRECTIONS, DRAWS, hits,
                      nearest_pictures, random_batches, retrieval, retrieval_batch, RetrievalBatch, score_batch)
from .readout import (at_trials, auc_by_class, category_auc, category_labels, category_table, CategoryConfig, CategoryLabels,
                      fit_categories, mean_auc_interval, weighted_auc)
from .two_level import average, Contributions, CORRELATION, Interval, score_interval, SHARE
from .voxels import noise_ceiling, pearson

__all__ = ["at_trials", "auc_by_class", "auc_contributions", "average", "BATCH", "bootstrap_interval", "Bottleneck",
           "categories_as_annotations", "category_auc", "category_embeddings", "category_labels", "category_table",
           "CategoryConfig", "CategoryLabels", "check_direction", "CHOICES", "combined_batch", "combined_retrieval", "CONFIDENCE",
           "Contributions", "CORRELATION", "correlation_contributions", "Direction", "DIRECTIONS", "distance_by_size",
           "distance_difference", "distance_kind", "distance_limit", "distance_names", "distance_rows", "DRAWS",
           "fit_categories", "FRECHET", "frechet_contributions", "frechet_distance", "hits", "identification",
           "identification_contributions",
           "Interval", "KERNEL", "mean_auc_interval", "mean_contributions", "mean_embedding", "n_way", "n_way_drawn",
           "n_way_sampled", "n_way_within", "nearest_pictures", "noise_ceiling", "over_repeats", "pearson", "plain_metric",
           "quantiles", "random_batches", "rarest_categories", "retrieval", "retrieval_batch", "retrieval_by_repeats",
           "retrieval_contributions", "RetrievalBatch", "score_batch", "SCORE_COLUMNS", "score_interval", "score_row",
           "SHARE", "shuffled", "stamp", "training_embeddings", "weighted_auc", "weighted_contributions", "wilson"]
