"""From two `Embeddings` to a table: how well was it decoded, with intervals, chance and controls.

    decoded, true ──retrieval, identification, distances──▶ tidy rows: value, low, high, n, chance, seed, origin

Scores are functions of records and know nothing of how they were made. Read `retrieval` first.
"""

from .controls import (Bottleneck, category_embeddings, mean_embedding, over_repeats, retrieval_by_repeats, shuffled,
                       training_embeddings)
from .distances import by_size, difference, distance_rows, frechet_distance, limit
from .evaluation import FEATURES, flattered, for_card, pixel_gaussian, REAL, score_painter, score_pictures, yardsticks
from .field_metrics import eight, Eye, eyes, pixel_correlation
from .forced_choice import as_annotations, identification, kinds, n_way, n_way_sampled, n_way_within
from .hubs import batches, centre, hubness, hubness_by_similarity, NEIGHBOURS, occurrences, retrieval_by_similarity
from .intervals import bootstrap_interval, COLUMNS, CONFIDENCE, row, wilson
from .protocols import score
from .ranking import (batch, Batch, check_direction, combined_batch, combined_retrieval, Direction, DIRECTIONS, hits,
                      nearest, retrieval, score_batch)
from .readout import (at_trials, auc_by_class, categories, category_auc, category_table, CategoryConfig, fit_categories,
                      mean_auc_interval, weighted_auc)
from .voxels import noise_ceiling, pearson

__all__ = ["as_annotations", "at_trials", "auc_by_class", "batch", "Batch", "batches", "bootstrap_interval",
           "Bottleneck", "by_size", "categories", "category_auc", "category_embeddings", "category_table",
           "CategoryConfig", "centre", "check_direction", "COLUMNS", "combined_batch", "combined_retrieval",
           "CONFIDENCE", "difference", "Direction", "DIRECTIONS", "distance_rows", "eight", "Eye", "eyes", "FEATURES",
           "fit_categories", "flattered", "for_card", "frechet_distance", "hits", "hubness", "hubness_by_similarity",
           "identification", "kinds", "limit", "mean_auc_interval", "mean_embedding", "n_way", "n_way_sampled",
           "n_way_within", "nearest", "NEIGHBOURS", "noise_ceiling", "occurrences", "over_repeats", "pearson",
           "pixel_correlation", "pixel_gaussian", "REAL", "retrieval", "retrieval_by_repeats",
           "retrieval_by_similarity", "row", "score", "score_batch", "score_painter", "score_pictures", "shuffled",
           "training_embeddings", "weighted_auc", "wilson", "yardsticks"]
