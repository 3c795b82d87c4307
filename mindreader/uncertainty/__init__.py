"""From scores of several fits to one interval that covers which pictures were shown and which fit decoded them.

    embeddings by several fits ──contributions──▶ what each picture adds to the score of each fit
                               ──two_level──▶ value, interval and p value over pictures and fits

Intervals of one fit, which resample its pictures, are in `scoring`. Read `two_level` first.
"""

from .contributions import (auc_contributions, correlation_contributions, frechet_contributions, identification_contributions,
                            mean_contributions, retrieval_contributions, weighted_contributions)
from .two_level import average, Contributions, CORRELATION, Interval, ratio, score_interval, SHARE

__all__ = ["auc_contributions", "average", "Contributions", "CORRELATION", "correlation_contributions", "frechet_contributions",
           "identification_contributions", "Interval", "mean_contributions", "ratio", "retrieval_contributions", "score_interval", "SHARE",
           "weighted_contributions"]
