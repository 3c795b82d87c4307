"""Tables for the book's page on the data: published weights, and what a run costs."""

from __future__ import annotations

import pandas as pd

from ..checkpoints import PUBLISHED, Published
from ..experiments import experiment
from ..nsd import PICTURES_BYTES, RELEASED, session_bytes
from .chapters import CHAPTERS
from .duration import durations, recorded_gpu
from .report import kept_bytes, sizes_of
from .screen import bytes_in_words, time_in_words

__all__ = ["costs_table", "weights_table"]

# Heads of the columns -> what is run: preset `paper`, with how many sessions, up to which chapter.
RUNS = {"one session, chapter 01": (1, "01_screening"), "the whole paper": (None, "06_encoding_cycle")}
_STAGES = {"pictures": "CLIP, pictures", "captions": "CLIP, captions", "mappers": "both mappers", "generator": "finetuning of the generator",
           "encoder": "the encoder"}


def weights_table() -> pd.DataFrame:
    """The published files that the library knows: file names, size, use, the checksum's first digits, licence."""
    return pd.DataFrame([{"published as": " or ".join(one.files) + _other_name(one), "about": f"{one.megabytes} MB", "what for": one.use,
                          "sha256": f"{one.sha256[:8]}…" if one.sha256 else "not published", "licence": one.licence}
                         for one in PUBLISHED])


def _other_name(one: Published) -> str:
    """The name under which an import keeps it, where that is not the file's own."""
    return "" if one.files[0].startswith(f"{one.name}.") else f", kept as {one.name}"


def costs_table(subject: str = "subj01") -> pd.DataFrame:
    """Bytes to fetch and to keep, and computed hours on the recorded GPU, stage by stage, for a first chapter and for the paper."""
    columns = {}
    for head, (n_sessions, chapter) in RUNS.items():
        run = experiment("paper", {"subject": subject} | ({"data.max_sessions": n_sessions} if n_sessions else {}))
        sizes = sizes_of(run)
        betas = min(run.data.max_sessions, RELEASED[subject].n_sessions) * session_bytes(subject)
        cells = {"to fetch: pictures": bytes_in_words(PICTURES_BYTES), "to fetch: betas": bytes_in_words(betas),
                 "kept in the home": bytes_in_words(kept_bytes(run, sizes))}
        found = durations(CHAPTERS[chapter].stages, run, sizes)
        cells |= {f"{recorded_gpu()}, computed: {_STAGES[one.stage]}": time_in_words(one.seconds_gpu) for one in found}
        columns[head] = cells
    return pd.DataFrame(columns).fillna("–").rename_axis("").reset_index()
