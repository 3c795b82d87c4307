"""Count what goes wrong in reconstructions, as the paper's appendix tells it of examples (A.7), by several fits of the whole chain.

    python -m mindreader.studies failures                   at the book preset, into figures/tables; `make tables` does this
    python -m mindreader.studies failures --preset smoke    into figures/runs/tables__smoke

The fits are those of `refits`.

    what was seen, what the segmenter reads ──measures──▶ what each trial has of each failure ──record──▶ a table over fits
    the conditions of two trials ──walks──▶ whether pictures between them change evenly (A.9) ──────────▶ the same

Read `measures` first.
"""

from .measures import ADDED, BORROWED, COLOUR, FAILURES, FITTING, GROUND, NUMBER, SIDE
from .record import (BRAIN, CLOSE_UPS, failure_scores, HEADS, ITSELF, key, LESS, LOGIT, main, recorded, SHUFFLED, TRUE, TWO_WAY,
                     write_record)
from .walks import ends, JUMP, STEPS, walk

__all__ = ["ADDED", "BORROWED", "BRAIN", "CLOSE_UPS", "COLOUR", "ends", "failure_scores", "FAILURES", "FITTING", "GROUND", "HEADS", "ITSELF",
           "JUMP", "key", "LESS", "LOGIT", "main", "NUMBER", "recorded", "SHUFFLED", "SIDE", "STEPS", "TRUE", "TWO_WAY", "walk",
           "write_record"]
