"""Count how often intervals hold a planted truth: those over pictures and fits, and those over the pictures of one fit.

    python -m mindreader.studies coverage                  into figures/tables; `make tables` does this
    python -m mindreader.studies coverage --studies 200    into figures/runs/tables__studies-200

Finished parts are found again. Read `planted` for what is simulated.
"""

from .counting import ALLOWED, coverage, key, main, measure, read_record, simulate, write_record
from .planted import PLANTED, Planted, Study

__all__ = ["ALLOWED", "coverage", "key", "main", "measure", "Planted", "PLANTED", "read_record", "simulate", "Study", "write_record"]
