"""How other papers score: their protocols and their eight numbers, each under its own name and version.

    predicted, true ──protocols──▶ a row that names its protocol
    reconstructions, originals ──metrics──▶ the eight numbers, with the networks that looked

"Forward", "two-way" and "n-way" mean other things in other papers; what the paper itself measures is in `scoring`.
Read `protocols` first.
"""

from .metrics import EIGHT, eight_metrics, feature_extractors, FeatureExtractor, pixel_correlation
from .protocols import score_protocol

__all__ = ["EIGHT", "eight_metrics", "feature_extractors", "FeatureExtractor", "pixel_correlation", "score_protocol"]
