"""From two `Embeddings` to a table of scores, with intervals, chance levels and controls.

    predicted, true ──ranking, forced_choice, distances──▶ rows of a tidy table

Scores depend on embeddings alone, not on how they were made. Read `ranking` first.
"""

from .controls import (Bottleneck, category_embeddings, mean_embedding, over_repeats, retrieval_by_repeats, shuffled,
                       training_embeddings)
from .distances import distance_by_size, distance_difference, distance_limit, distance_rows, frechet_distance
from .forced_choice import (categories_as_annotations, CHOICES, duels, identification, n_way, n_way_drawn, n_way_sampled,
                            n_way_within, rarest_categories, win_probability)
from .intervals import bootstrap_interval, CONFIDENCE, image_weights, quantiles, SCORE_COLUMNS, score_row, stamp, wilson
from .names import distance_kind, distance_names, FRECHET, KERNEL, plain_metric, TWO_WAY
from .ranking import (BATCH, check_direction, combined_batch, combined_retrieval, Direction, DIRECTIONS, DRAWS, hits,
                      nearest_pictures, random_batches, retrieval, retrieval_batch, RetrievalBatch, score_batch)
from .readout import (at_trials, auc_by_class, category_auc, category_labels, category_table, CategoryConfig, CategoryLabels,
                      fit_categories, mean_auc_interval, weighted_auc)
from .voxels import noise_ceiling, pearson

__all__ = ["at_trials", "auc_by_class", "BATCH", "bootstrap_interval", "Bottleneck", "categories_as_annotations",
           "category_auc", "category_embeddings", "category_labels", "category_table", "CategoryConfig", "CategoryLabels",
           "check_direction", "CHOICES", "combined_batch", "combined_retrieval", "CONFIDENCE", "Direction", "DIRECTIONS",
           "distance_by_size", "distance_difference", "distance_kind", "distance_limit", "distance_names",
           "distance_rows", "DRAWS", "duels", "fit_categories", "FRECHET", "frechet_distance", "hits", "identification",
           "image_weights", "KERNEL", "mean_auc_interval", "mean_embedding", "n_way", "n_way_drawn", "n_way_sampled", "n_way_within",
           "nearest_pictures", "noise_ceiling", "over_repeats", "pearson", "plain_metric", "quantiles", "random_batches",
           "rarest_categories", "retrieval", "retrieval_batch", "retrieval_by_repeats", "RetrievalBatch", "score_batch",
           "SCORE_COLUMNS", "score_row", "shuffled", "stamp", "training_embeddings", "TWO_WAY", "weighted_auc", "wilson",
           "win_probability"]
