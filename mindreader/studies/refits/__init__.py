"""Fit every network behind the headline numbers several times, and keep its scores with intervals over pictures and fits.

    python -m mindreader.studies refits                   at the book preset, into figures/tables; `make tables` does this
    python -m mindreader.studies refits --preset smoke    into figures/runs/tables__smoke

Finished fits are found again, so a run that was killed goes on where it stopped, within a fit from its last checkpoint. Read
`scores` for what is scored, and `record` for how it is read back.
"""

from .fits import Refit, refit
from .record import N_GENERATORS, N_MAPPERS, Refits, keys_of, main, read_record, run_refits, write_record

__all__ = ["keys_of", "main", "N_GENERATORS", "N_MAPPERS", "read_record", "Refit", "refit", "Refits", "run_refits", "write_record"]
