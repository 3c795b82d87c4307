"""Examine scores of naturalness on pictures damaged in eight ways: which of them see damages as a person does.

    python -m mindreader.studies exam       at the book preset, into figures/tables/exam.csv; no brain and no training is needed
"""

from .record import examined, key, main, NOTHING_DONE, recorded, SceneSets, scene_sets, write_record

__all__ = ["examined", "key", "main", "NOTHING_DONE", "recorded", "SceneSets", "scene_sets", "write_record"]
