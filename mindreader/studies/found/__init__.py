"""Ask which things are found again in reconstructions, class by class: from true embeddings, the brain, and by retrieval.

    python -m mindreader.studies found      at the book preset, into figures/tables/found.csv; needs the generator of chapter 03
"""

from .changed import changed_conditions
from .record import (CHANGED, changed_rows, COSINE, draw_rows, DRAWS, found_scores, HELD_OUT, held_out_rows, ITSELF, key, LESS, library,
                     main, recorded, retrieved, SAME_OTHER, SAME_Z, SUBJECT, subject_rows, true_maps, write_record)

__all__ = ["CHANGED", "changed_conditions", "changed_rows", "COSINE", "draw_rows", "DRAWS", "found_scores", "HELD_OUT", "held_out_rows",
           "ITSELF", "key", "LESS", "library", "main", "recorded", "retrieved", "SAME_OTHER", "SAME_Z", "SUBJECT", "subject_rows",
           "true_maps", "write_record"]
