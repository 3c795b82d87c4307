"""Set numbers of ours beside those that later papers published on NSD: real ones only, and what each was made from.

Published numbers stand in `published.csv`, each row with where it was read and what makes it unlike the others. A score of a
simulated subject, of a rehearsal or by a stand-in network is refused here, so that none can stand in such a table.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

METRICS = {"PixCorr": "higher", "SSIM": "higher", "AlexNet 2": "higher", "AlexNet 5": "higher", "Inception": "higher",
           "CLIP": "higher", "EffNet": "lower", "SwAV": "lower"}
RETRIEVALS = {"retrieval/mindeye-code-forward": "retrieval code-forward",
              "retrieval/mindeye-code-backward": "retrieval code-backward"}
COLUMNS = (*METRICS, *RETRIEVALS.values())
WHOSE = ("system", "whose", "subjects", "images", "repeats", "table")
_ARROWS = {"higher": "↑", "lower": "↓"}


def published_scores() -> pd.DataFrame:
    """What other papers' systems score on NSD's shared images, a row each.

    Columns: system, subjects, images (how many), repeats (a `Practice`), table (one of `EIGHT`), a column for each metric
    and for both directions of retrieval (shares and distances, NaN where not known), read_in and note.
    """
    return pd.read_csv(Path(__file__).with_name("published.csv"), dtype={"images": "Int64"}).fillna(
        {name: "" for name in ("repeats", "table", "note")})


def beside_published(ours: pd.DataFrame, subject: str) -> pd.DataFrame:
    """Our scores below the published ones, in wide form, for one of NSD's subjects.

    Parameters
    ----------
    ours : DataFrame
        Rows of scores with name, metric, value, n, origin, protocol and repeats (the stamp of a `Practice`); a row that was
        not computed has no value, and leaves its cell empty.
    subject : str
        "subj01" to "subj08".

    Returns
    -------
    DataFrame
        system, whose ("published" or "ours"), subjects, images, repeats, table, a column for each metric with its arrow, note.

    Raises
    ------
    ValueError
        A score is not of NSD, or was made by a network of the simulated world: no such number stands beside published ones.
    """
    made_up = sorted(set(ours.origin) - {"nsd"})
    if made_up:
        raise ValueError(f"got scores of origin {', '.join(made_up)}, expected nsd alone: no number of a simulated subject or of a "
                         "rehearsal stands beside published ones; show it in a table of its own")
    stand_ins = ours.metric[ours.metric.str.contains("(twin)", regex=False) & ours.value.notna()]
    if len(stand_ins):
        raise ValueError(f"got {stand_ins.iloc[0]!r}, a score by a network of the simulated world, expected published networks alone; "
                         "give their weights")
    theirs = published_scores().assign(whose="published")
    rows = [_row(*key, part) | {"subjects": subject, "whose": "ours"} for key, part in ours.groupby(["name", "repeats"], sort=False)]
    table = pd.concat([theirs, pd.DataFrame(rows)], ignore_index=True)
    table["note"] = [" · ".join(filter(None, (row.note, f"read in {row.read_in}" * (row.whose == "published")))) for row in table.itertuples()]
    return with_arrows(table[[*WHOSE, *COLUMNS, "note"]])


def with_arrows(table: pd.DataFrame) -> pd.DataFrame:
    """The same with an arrow in the name of each metric's column: which way is better."""
    return table.rename(columns={name: f"{name} {_ARROWS[METRICS.get(name, 'higher')]}" for name in COLUMNS})


def column_of(metric: str, protocol: str) -> str:
    """The column of a score, "" for one that has none: by its metric, or by its protocol for retrieval.

    >>> column_of("AlexNet 2 (twin)", ""), column_of("retrieval", "retrieval/mindeye-code-forward@1"), column_of("FID", "x@1")
    ('AlexNet 2', 'retrieval code-forward', '')
    """
    name = metric.removesuffix(" (twin)").partition(", not computed")[0]
    return name if name in METRICS else RETRIEVALS.get(protocol.partition("@")[0] if "(" not in protocol else "", "")


def _row(name: str, repeats: str, scores: pd.DataFrame) -> dict:
    eight = next((protocol.partition(";")[0] for protocol in scores.protocol if protocol.startswith("eight/")), "")
    cells = {column_of(row.metric, row.protocol): row.value for row in scores.itertuples()}
    cells.pop("", None)
    lacking = "; ".join(scores.metric[scores.metric.str.contains(", not computed: ", regex=False)])
    return {"system": name, "images": int(scores.n.max()), "repeats": repeats, "table": eight, "note": lacking, "read_in": ""} | cells
