"""From two `Embeddings` to a table of scores, with intervals, chance levels and controls.

    predicted, true ──ranking, forced_choice, distances──▶ rows of a tidy table

Scores depend on embeddings alone, not on how they were made. Read `ranking` first.
"""

from .controls import (Bottleneck, category_embeddings, mean_embedding, over_repeats, retrieval_by_repeats, shuffled,
                       training_embeddings)
from .distances import distance_by_size, distance_difference, distance_limit, distance_rows, frechet_distance
from .evaluation import (adversarial_pictures, card_scores, pixel_gaussian, REAL_SET, reference_distances,
                         score_generator, score_pictures, TWIN_FEATURES)
from .field_metrics import eight_metrics, feature_extractors, FeatureExtractor, pixel_correlation
from .forced_choice import (categories_as_annotations, identification, n_way, n_way_sampled, n_way_within,
                            rarest_categories)
from .hubs import (batches_by_similarity, hubness, hubness_by_similarity, k_occurrences, N_NEIGHBOURS,
                   retrieval_by_similarity, training_means)
from .intervals import bootstrap_interval, CONFIDENCE, SCORE_COLUMNS, score_row, wilson
from .protocols import score_protocol
from .ranking import (check_direction, combined_batch, combined_retrieval, Direction, DIRECTIONS, hits,
                      nearest_pictures, retrieval, retrieval_batch, RetrievalBatch, score_batch)
from .readout import (at_trials, auc_by_class, category_auc, category_labels, category_table, CategoryConfig,
                      fit_categories, mean_auc_interval, weighted_auc)
from .voxels import noise_ceiling, pearson

__all__ = ["adversarial_pictures", "at_trials", "auc_by_class", "batches_by_similarity", "bootstrap_interval",
           "Bottleneck", "card_scores", "categories_as_annotations", "category_auc", "category_embeddings",
           "category_labels", "category_table", "CategoryConfig", "check_direction", "combined_batch",
           "combined_retrieval", "CONFIDENCE", "Direction", "DIRECTIONS", "distance_by_size", "distance_difference",
           "distance_limit", "distance_rows", "eight_metrics", "feature_extractors", "FeatureExtractor",
           "fit_categories", "frechet_distance", "hits", "hubness", "hubness_by_similarity", "identification",
           "k_occurrences", "mean_auc_interval", "mean_embedding", "N_NEIGHBOURS", "n_way", "n_way_sampled",
           "n_way_within", "nearest_pictures", "noise_ceiling", "over_repeats", "pearson", "pixel_correlation",
           "pixel_gaussian", "rarest_categories", "REAL_SET", "reference_distances", "retrieval", "retrieval_batch",
           "retrieval_by_repeats", "retrieval_by_similarity", "RetrievalBatch", "score_batch", "SCORE_COLUMNS",
           "score_generator", "score_pictures", "score_protocol", "score_row", "shuffled", "training_embeddings",
           "training_means", "TWIN_FEATURES", "weighted_auc", "wilson"]
