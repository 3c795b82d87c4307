"""From two `Embeddings` to a table: how well was it decoded, with intervals, chance and controls.

    decoded, true ──retrieval, identification, distances──▶ tidy rows: value, low, high, n, chance, seed, origin

Scores are functions of records and know nothing of how they were made. Read `retrieval` first.
"""

from .claims import (CLAIMS, CONTRADICTED, Claim, DIRECTION_ONLY, MIN_SEEDS, N_TRIALS, Row, SUPPORTED, VERDICTS,
                     WITHIN_NOISE, fit_of, published, trial_hits, verdicts)
from .controls import (Bottleneck, category_embeddings, mean_embedding, over_repeats, retrieval_by_repeats, shuffled,
                       training_embeddings)
from .distances import by_size, difference, distance_rows, frechet_distance, limit
from .evaluation import FEATURES, REAL, flattered, for_card, pixel_gaussian, score_painter, score_pictures, yardsticks
from .field_metrics import Eye, eight, eyes, pixel_correlation
from .forced_choice import as_annotations, identification, kinds, n_way, n_way_sampled, n_way_within
from .hubs import NEIGHBOURS, batches, centre, hubness, hubness_by_similarity, occurrences, retrieval_by_similarity
from .intervals import COLUMNS, bootstrap_interval, row, wilson
from .protocols import score
from .ranking import (Batch, DIRECTIONS, Direction, batch, combined_batch, combined_retrieval, hits, nearest, retrieval,
                      score_batch)
from .readout import (CategoryConfig, at_trials, auc_by_class, categories, category_auc, category_table, fit_categories,
                      mean_auc_interval, weighted_auc)
from .voxels import noise_ceiling, pearson

__all__ = ["as_annotations", "at_trials", "auc_by_class", "batch", "Batch", "batches", "bootstrap_interval",
           "Bottleneck", "by_size", "categories", "category_auc", "category_embeddings", "category_table",
           "CategoryConfig", "centre", "Claim", "CLAIMS", "COLUMNS", "combined_batch", "combined_retrieval",
           "CONTRADICTED", "difference", "Direction", "DIRECTION_ONLY", "DIRECTIONS", "distance_rows", "eight", "Eye",
           "eyes", "FEATURES", "fit_categories", "fit_of", "flattered", "for_card", "frechet_distance", "hits",
           "hubness", "hubness_by_similarity", "identification", "kinds", "limit", "mean_auc_interval",
           "mean_embedding", "MIN_SEEDS", "N_TRIALS", "n_way", "n_way_sampled", "n_way_within", "nearest", "NEIGHBOURS",
           "noise_ceiling", "occurrences", "over_repeats", "pearson", "pixel_correlation", "pixel_gaussian",
           "published", "REAL", "retrieval", "retrieval_by_repeats", "retrieval_by_similarity", "Row", "row", "score",
           "score_batch", "score_painter", "score_pictures", "shuffled", "SUPPORTED", "training_embeddings",
           "trial_hits", "verdicts", "VERDICTS", "weighted_auc", "wilson", "WITHIN_NOISE", "yardsticks"]
