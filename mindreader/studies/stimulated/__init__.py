"""Stimulate regions and random voxels that match them, by several fits of each mapper, and keep what chapter 04 says of it (§3.3).

    python -m mindreader.studies stimulated                   at the book preset, into figures/tables; `make tables` does this
    python -m mindreader.studies stimulated --preset smoke    into figures/runs/tables__smoke

The fits are those of `refits`. What a finished fit says is found again, so a run that was killed goes on with the next one.

    regions ──states──▶ embeddings and pictures of stimulated states, by one fit
    these ──effects, within, detectors──▶ changes beside those by random voxels, over fits
    effects ──sentences, planted, tables──▶ verdicts, and the tables behind the chapter's figures ──record──▶ figures/tables

Read `effects` first, then `sentences` for the rule.
"""

from .detectors import detector_table, NO_DETECTORS
from .effects import matched_effect
from .planted import planted_and_recovered, recovered_correlation, recovery_verdicts
from .record import key, main, read_record, RECORDS, VALUE, write_record
from .regions import FACES, has_voxels, LEVELS, random_sets, region_counts, region_voxels, REGIONS, shown_name
from .sentences import CLAIMED, comparisons, RULE
from .states import as_measured, decode, first_trials, generate, sentence_embeddings, unit
from .tables import figure_table, FIGURES, OPEN
from .within import INSIDE, measured_range, nearness, OUTSIDE, within_range

__all__ = ["as_measured", "CLAIMED", "comparisons", "decode", "detector_table", "FACES", "FIGURES", "figure_table", "first_trials",
           "generate", "has_voxels", "INSIDE", "key", "LEVELS", "main", "matched_effect", "measured_range", "nearness", "NO_DETECTORS",
           "OPEN", "OUTSIDE", "planted_and_recovered", "random_sets", "read_record", "RECORDS", "recovered_correlation",
           "recovery_verdicts", "region_counts", "region_voxels", "REGIONS", "RULE", "sentence_embeddings", "shown_name", "unit", "VALUE",
           "within_range", "write_record"]
