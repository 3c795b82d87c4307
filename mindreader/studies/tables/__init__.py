"""Make all records of `make tables`: nine studies, each a process of its own, three of them in what the others leave idle.

    python -m mindreader.studies tables      at the book preset, into figures/tables; `make tables` does this
"""

from .running import BESIDE, BESIDE_FIRST, FIRST, main, run_studies, THEN

__all__ = ["BESIDE", "BESIDE_FIRST", "FIRST", "main", "run_studies", "THEN"]
