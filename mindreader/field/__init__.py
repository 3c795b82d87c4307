"""How other papers score: their protocols and their eight numbers, each under its own name and version.

    predicted, true ──protocols──▶ a row that names its protocol
    reconstructions, originals ──metrics──▶ the eight numbers, with the networks that looked
    single trials ──repeats──▶ mean activity of each image, as each paper averages it
    scores of NSD ──published──▶ a table that has other papers' numbers, too

"Forward", "two-way" and "n-way" mean other things in other papers; what the paper itself measures is in `scoring`.
Read `protocols` first.
"""

from .metrics import EIGHT, eight_metrics, feature_extractors, FeatureExtractor, pixel_correlation
from .protocols import score_protocol
from .published import beside_published, column_of, published_scores, with_arrows
from .repeats import average_repeats, Practice, PRACTICES, repeats_in_words, scored_trials, training_subject

__all__ = ["average_repeats", "beside_published", "column_of", "EIGHT", "eight_metrics", "feature_extractors", "FeatureExtractor",
           "pixel_correlation", "Practice", "PRACTICES", "published_scores", "repeats_in_words", "score_protocol",
           "scored_trials", "training_subject", "with_arrows"]
