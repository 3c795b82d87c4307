"""Score every input class by class, with what each picture adds, and lay out Table 2 whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ... import scoring
from ...core import paper_value
from ...pipeline import Pipeline
from ...scoring import category_labels
from ...uncertainty import Contributions, auc_contributions, average, ratio, score_interval
from ..common import entry, over_fits
from .inputs import AS_PAPER, FMRI, INPUTS, logits, rows

GROUPS = {"things": "thing", "stuff": "stuff", "overall": None}
CHANCE = 0.5


@dataclass(frozen=True, eq=False)
class Profile:
    """The AUC of each class from one input, by each fit, and what each picture adds to it.

    names, kinds  (n_classes,)   classes that some and not all validation pictures have: things, then stuff
    n_present     (n_classes,)   validation pictures that have the class
    classes       one `Contributions` for each class
    """

    names: np.ndarray
    kinds: np.ndarray
    n_present: np.ndarray
    classes: tuple[Contributions, ...]

    @property
    def values(self) -> np.ndarray:
        """AUC of each class, the mean over fits, (n_classes,)."""
        return np.array([each.values.mean() for each in self.classes])

    def of(self, group: str) -> np.ndarray:
        """Which classes are "things", "stuff" or "overall", (n_classes,) bool."""
        kind = GROUPS[group]
        return np.ones(len(self.kinds), bool) if kind is None else self.kinds == kind

    def weighted(self, weights: np.ndarray) -> Contributions:
        """The sum over classes of their AUC times a weight (n_classes,), e.g. a mean, or a difference of two means."""
        return replace(self.classes[0], values=sum(w * each.values for w, each in zip(weights, self.classes)),
                       parts=sum(w * each.parts for w, each in zip(weights, self.classes)), bounds=None)

    def mean(self, group: str) -> Contributions:
        """The mean AUC over the classes of a group; ValueError where it has none."""
        here = self.of(group)
        if not here.any():
            raise ValueError(f"no class of {group} is in some and not in all validation pictures, expected at least one; "
                             "score more pictures")
        return average([each for each, mine in zip(self.classes, here) if mine])


def profile(run: Pipeline, name: str, *, variant: str = AS_PAPER, n_fits: int = 1) -> Profile:
    """The class profile of one input, over the validation trials; made once for each run."""
    key = ("profile", name, variant, n_fits)
    if key not in run.memo:
        run.memo[key] = profile_of(run, logits(run, [name], variant=variant, n_fits=n_fits)[name])
    return run.memo[key]


def profile_of(run: Pipeline, scores: np.ndarray) -> Profile:
    """The class profile of any scores of the validation trials, (n_fits, n_trials, n_classes)."""
    truth, ids = category_labels(run.subject.stimuli), run.subject.validation.image_ids
    labels = truth.at(ids)
    kept = np.flatnonzero(labels.any(0) & ~labels.all(0))
    if not len(kept):
        raise ValueError(f"none of {len(truth.names)} classes is in some and not in all of the {len(np.unique(ids))} validation "
                         "pictures, expected at least one; score more pictures")
    _, first = np.unique(ids, return_index=True)
    return Profile(np.array(truth.names, object)[kept], np.array(truth.kinds, object)[kept], labels[first][:, kept].sum(0),
                   tuple(auc_contributions(labels[:, c], scores[:, :, c], ids) for c in kept))


def table_two(run: Pipeline, *, n_fits: int = 1) -> pd.DataFrame:
    """Table 2 whole, with what the paper does not have: the caption mapper, both mappers, controls and limits.

    One row for each input and group of classes: value (mean AUC), low, high (over pictures, and over fits where there are
    several), sd (over classes, the paper's ±), n_classes, share (of the AUC from activity, the paper's last column), above (the
    share of what activity has above chance, NaN where it has none), role, n_dims, paper, paper_share.
    """
    found, table = {name: profile(run, name, n_fits=n_fits) for name in logits(run, n_fits=n_fits)}, []
    for name, classes in found.items():
        about, n_dims = INPUTS[name], _n_dims(run, name)
        for group in (group for group in GROUPS if classes.of(group).any()):
            score, reference, here = classes.mean(group), found[FMRI].mean(group), classes.of(group)
            interval, share, above = score_interval(score), _share(score, reference), _share(score, reference, CHANCE)
            paper = {"paper": np.nan, "paper_share": np.nan}
            if about.paper:
                paper["paper"] = paper_value("2", about.paper, group, "AUC-ROC")
                if group == "overall":
                    paper["paper_share"] = paper_value("2", about.paper, "share of fMRI") / 100
            table.append(scoring.score_row(
                name, f"AUC {group}", interval.value, interval.low, interval.high, len(run.subject.validation), CHANCE,
                run.experiment.child_seed(f"category/{name}"), run.origin, sd=np.std(classes.values[here], ddof=1) if here.sum() > 1
                else np.nan, n_classes=int(here.sum()), **dict(zip(("share", "share_low", "share_high"), share)),
                **dict(zip(("above", "above_low", "above_high"), above)), role=about.role, n_dims=n_dims,
                covers=over_fits(interval.n_fits), **paper))
    return pd.concat(table, ignore_index=True)


def table_two_by_group(table: pd.DataFrame) -> pd.DataFrame:
    """`table_two` as the paper lays it out, a row for each input.

    Table name, things, sd_things, stuff, sd_stuff (mean AUC, and its spread over classes), value, low, high, sd (the same over all
    classes, with the interval over pictures), share, above, n_dims, role, n.
    """
    wide = table.assign(group=table.metric.str.removeprefix("AUC ")).set_index(["name", "group"])
    kinds = [wide.xs(group, level="group")[["value", "sd"]].set_axis([group, f"sd_{group}"], axis=1)
             for group in ("things", "stuff") if group in wide.index.get_level_values("group")]
    overall = wide.xs("overall", level="group")[["value", "low", "high", "sd", "share", "above", "n_dims", "role", "n"]]
    return pd.concat([*kinds, overall], axis=1).loc[overall.index].reset_index()


def classes_table(run: Pipeline, names: Sequence[str], *, n_fits: int = 1) -> pd.DataFrame:
    """Fig. 6: AUC of each class from each input, with the class's n: table category, kind, input, value, low, high, n_present, n."""
    ids, table = np.unique(run.subject.validation.image_ids), []
    for name in (name for name in names if name in logits(run, names, n_fits=n_fits)):
        classes = profile(run, name, n_fits=n_fits)
        intervals = [score_interval(each) for each in classes.classes]
        table.append(pd.DataFrame({
            "category": classes.names, "kind": classes.kinds, "input": name, "value": classes.values,
            "low": [each.low for each in intervals], "high": [each.high for each in intervals], "n_present": classes.n_present,
            "n": len(ids)}))
    return pd.concat(table, ignore_index=True)


def table_two_summary(table: pd.DataFrame) -> dict:
    """The numbers of `table_two` for the chapter's prose: <input>_<group>, <input>_share, <input>_above, n_trials."""
    values = {"n_trials": {"ours": int(table.n.iloc[0]), "note": "validation trials, each with every input"}}
    for row in table.itertuples():
        key, group = INPUTS[row.name].key, row.metric.removeprefix("AUC ")
        paper = None if np.isnan(row.paper) else row.paper
        values[f"{key}_{group}"] = entry(row, paper=paper, covers=row.covers,
                                           note=f"{row.name}, {group}; sd over {row.n_classes} classes {row.sd:.3f}")
        if group == "overall" and row.name != FMRI:
            values[f"{key}_share"] = {"ours": row.share, "low": row.share_low, "high": row.share_high, "covers": row.covers,
                                      "n": row.n, "paper": None if np.isnan(row.paper_share) else row.paper_share,
                                      "note": f"AUC from {row.name} over that from activity; both start at one half"}
        if group == "overall" and row.name != FMRI and np.isfinite(row.above):
            values[f"{key}_above"] = {"ours": row.above, "low": row.above_low, "high": row.above_high, "covers": row.covers,
                                      "n": row.n, "note": f"what {row.name} has above chance, over what activity has"}
    return values


def _share(score: Contributions, reference: Contributions, zero: float = 0.0) -> tuple[float, float, float]:
    """Value and interval of a `ratio`; NaN where the reference does not lie above `zero`."""
    try:
        found = score_interval(ratio(score, reference, zero))
    except ValueError:
        return np.nan, np.nan, np.nan
    return found.value, found.low, found.high


def _n_dims(run: Pipeline, name: str) -> int:
    """How many numbers this input's classifier is given for each trial."""
    key = ("n_dims", name)
    if key not in run.memo:
        side = rows(run, FMRI if INPUTS[name].role == "control" else name)[1]
        run.memo[key] = (side.betas if hasattr(side, "betas") else side.vectors).shape[1]
    return run.memo[key]
