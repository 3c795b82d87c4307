"""Make all records of `make tables`: nine studies, each a process of its own, the last three of them two at a time.

    python -m mindreader.studies tables      at the book preset, into figures/tables; `make tables` does this
"""

from .running import main, ONE_BY_ONE, run_studies, SIDE_BY_SIDE

__all__ = ["main", "ONE_BY_ONE", "run_studies", "SIDE_BY_SIDE"]
