"""Ask which things are found again in reconstructions, class by class: from true embeddings, the brain, and by retrieval.

    python -m mindreader.studies found      at the book preset, into figures/tables/found.csv; needs the generator of chapter 03
"""

from .record import (found_scores, HELD_OUT, held_out_rows, ITSELF, key, library, main, recorded, retrieved, SUBJECT,
                     subject_rows, true_maps, write_record)

__all__ = ["found_scores", "HELD_OUT", "held_out_rows", "ITSELF", "key", "library", "main", "recorded", "retrieved", "SUBJECT",
           "subject_rows", "true_maps", "write_record"]
