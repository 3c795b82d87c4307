"""Score predictions by named, versioned protocols of the field, so that numbers of different papers can be compared.

"Forward", "two-way" and "n-way" mean different things in different papers. Here each meaning is one entry with a name
and a version; every score carries both. A protocol says how embeddings are compared, not which network made them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from .. import scoring
from ..records import Embeddings


@dataclass(frozen=True, eq=False)
class Items:
    """The values of a protocol before they are averaged.

    values     (n,) float   hit, share of won comparisons, or distance; an item that is drawn twice occurs twice
    image_ids  (n,) int64   the picture of each
    chance     the expected mean of predictions without information
    n_items    how many different trials or pictures were scored
    """

    values: np.ndarray
    image_ids: np.ndarray
    chance: float
    n_items: int


@dataclass(frozen=True, eq=False)
class Protocol:
    """One way to score predictions.

    measure   (predicted, truth, *, seed, **settings) -> Items
    settings  further arguments of `measure`, with the published values
    metric    the name of the score in a table, with settings in braces
    better    whether a "higher" or a "lower" value is better
    chance    how chance is computed, in words
    source    who defined it, and where
    differs   how it differs from protocols with similar names
    """

    name: str
    version: int
    metric: str
    measure: Callable[..., Items]
    better: Literal["higher", "lower"]
    chance: str
    source: str
    differs: str
    settings: dict = field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """Name and version, as in "retrieval/mindreader-forward@1"."""
        return f"{self.name}@{self.version}"

    def gain(self, ours: float, theirs: float) -> float:
        """By how much `ours` is better than `theirs`: positive is better, for a distance too."""
        return ours - theirs if self.better == "higher" else theirs - ours


# ── scoring ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def protocol(name: str) -> Protocol:
    """The entry with this name, with or without its version; ValueError with the nearest names for an unknown one."""
    found = PROTOCOLS.get(name) or next((p for p in PROTOCOLS.values() if p.stamp == name), None)
    if found is None:
        near = difflib.get_close_matches(name.split("@")[0], PROTOCOLS, n=3, cutoff=0.4) or list(PROTOCOLS)
        raise ValueError(f"got protocol {name!r}, which does not exist, expected a name such as "
                         f"{' or '.join(PROTOCOLS[n].stamp for n in near)}")
    return found


def items(name: str, predicted: Embeddings, truth: Embeddings, *, seed: int = 0, **settings) -> Items:
    """The value of each item under the protocol `name`, before any average; `settings` change its published ones."""
    entry = protocol(name)
    return entry.measure(predicted, truth, seed=seed, **_settings(entry, settings))


def score_protocol(protocol_name: str, predicted: Embeddings, truth: Embeddings, *, seed: int = 0, name: str = "",
          origin: str = "", n_bootstrap: int = 1000, **settings) -> pd.DataFrame:
    """One tidy row under the named protocol, with an interval over pictures.

    Parameters
    ----------
    protocol_name : str
        A key of `PROTOCOLS`, with or without "@version".
    predicted : Embeddings
        One embedding for each trial or reconstruction.
    truth : Embeddings
        True embeddings of at least the same pictures; joined by image id.
    seed : int
        Of all random draws, and of the interval.
    settings
        Other values for the protocol's own settings, such as n; those that differ are written into the stamp.

    Returns
    -------
    DataFrame
        The columns of `SCORE_COLUMNS`, and protocol (its stamp) and better ("higher" or "lower").
    """
    entry = protocol(protocol_name)
    used = _settings(entry, settings)
    found = entry.measure(predicted, truth, seed=seed, **used)
    low, high = scoring.bootstrap_interval(found.values, found.image_ids, seed=seed, n_bootstrap=n_bootstrap)
    return scoring.score_row(name, entry.metric.format(**used), found.values.mean(), low, high, found.n_items, found.chance,
                         seed, origin, protocol=scoring.stamp(entry.stamp, used, entry.settings), better=entry.better)


# ── retrieval ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _first_batch(direction):
    def measure(predicted, truth, *, seed, n):
        return _hits([scoring.retrieval_batch(predicted, truth, n=n, seed=seed)], direction)
    return measure


def _one_repeat(direction):
    def measure(predicted, truth, *, seed, n):
        return _hits([scoring.retrieval_batch(scoring.over_repeats(predicted, 1), truth, n=n, seed=seed)], direction)
    return measure


def _drawn_batches(direction, *, average_repeats):
    def measure(predicted, truth, *, seed, n, n_draws):
        if average_repeats:
            predicted, truth = predicted.per_image(), truth.per_image()
        return _hits(scoring.random_batches(predicted, truth, n=n, n_draws=n_draws, seed=seed), direction)
    return measure


def _hits(batches, direction) -> Items:
    won = np.concatenate([scoring.hits(b, direction) for b in batches]).astype(float)
    ids, keys = (np.concatenate([getattr(b, name) for b in batches]) for name in ("image_ids", "keys"))
    chance = np.mean([(b.image_ids[:, None] == b.image_ids).mean() for b in batches])
    return Items(won, ids, float(chance), len(np.unique(np.stack([ids, keys], 1), axis=0)))


# ── identification and distance ───────────────────────────────────────────────────────────────────────────────────────
def _exact(predicted, truth, *, seed, n_choices):
    won = scoring.n_way(predicted, truth, n_choices=n_choices)
    return Items(won, predicted.image_ids, 1 / n_choices, len(predicted))


def _ten_draws(predicted, truth, *, seed, n_choices, n_draws):
    wins = scoring.n_way_drawn(predicted, truth, n_choices=n_choices, n_draws=n_draws, seed=seed)
    return Items(wins.mean(0), predicted.image_ids, 1 / n_choices, len(predicted))


def _rivals_are_originals(predicted, truth, *, seed):
    return _exact(_centred(predicted), _centred(truth), seed=seed, n_choices=2)


def _rivals_are_reconstructions(predicted, truth, *, seed):
    ids, r = _correlations(predicted, truth)
    mine = np.unique(predicted.image_ids, return_inverse=True)[1]
    mean = np.stack([r[:, mine == picture].mean(1) for picture in range(len(ids))], 1)       # [originals, pictures]
    if len(ids) < 2:
        raise ValueError(f"got reconstructions of {len(ids)} picture, expected at least two to choose between")
    return Items((mean < np.diag(mean)[:, None]).sum(1) / (len(ids) - 1), ids, 0.5, len(ids))


def _correlation_distance(predicted, truth, *, seed):
    ids, r = _correlations(predicted, truth)
    own = ids[:, None] == predicted.image_ids
    return Items((1 - r)[own.argmax(0), np.arange(len(predicted))], predicted.image_ids, float((1 - r)[~own].mean()),
                 len(predicted))


def _correlations(predicted: Embeddings, truth: Embeddings) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the pictures that occur in `predicted`, and Pearson's r of their originals with each row of it."""
    ids = np.unique(predicted.image_ids)
    a, b = (x - x.mean(1, keepdims=True) for x in (truth.at(ids).astype(float), predicted.vectors.astype(float)))
    a, b = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (a, b))
    return ids, a @ b.T


def _centred(embeddings: Embeddings) -> Embeddings:
    """Each vector less the mean of its own dimensions, so that a cosine is a Pearson correlation."""
    vectors = embeddings.vectors - embeddings.vectors.mean(1, keepdims=True)
    return Embeddings(vectors, embeddings.image_ids, embeddings.keys, embeddings.space, embeddings.source)


def _settings(entry: Protocol, given: dict) -> dict:
    unknown = set(given) - set(entry.settings)
    if unknown:
        raise ValueError(f"protocol {entry.stamp} has no setting {sorted(unknown)[0]!r}, expected "
                         f"{' or '.join(entry.settings) or 'none at all'}")
    return entry.settings | given


# ── the protocols ──────────────────────────────────────────────────────────────────────────────────────────────────────
_ENTRIES = (
    Protocol("retrieval/mindreader-forward", 1, "retrieval forward", _first_batch("forward"), "higher",
             "share of candidates that show the same picture", "Mind Reader §3.2 and its released code",
             "brain to picture; one batch of the first trials, single trials; another repeat of the picture is a hit, "
             "a tie is a miss", scoring.BATCH),
    Protocol("retrieval/mindreader-backward", 1, "retrieval backward", _first_batch("backward"), "higher",
             "share of candidates that show the same picture", "Mind Reader §3.2 and its released code",
             "picture to brain; else as forward, but each repeat within the batch is one more chance to be found",
             scoring.BATCH),
    Protocol("retrieval/one-repeat-forward", 1, "retrieval forward, one repeat of each picture",
             _one_repeat("forward"), "higher", "1 / n", "ours, to compare Mind Reader's two directions",
             "as mindreader-forward, with the first trial of each picture only", scoring.BATCH),
    Protocol("retrieval/one-repeat-backward", 1, "retrieval backward, one repeat of each picture",
             _one_repeat("backward"), "higher", "1 / n", "ours, to compare Mind Reader's two directions",
             "as mindreader-backward, but a picture that was shown three times no longer has three predictions to be "
             "found by, of which the best counts", scoring.BATCH),
    Protocol("retrieval/mindreader-forward-draws", 1, "retrieval forward, random batches",
             _drawn_batches("forward", average_repeats=False), "higher",
             "share of candidates that show the same picture, mean over batches", "ours, for the spread of one batch",
             "brain to picture, single trials; batches are drawn and overlap, so they are no independent tries",
             scoring.DRAWS),
    Protocol("retrieval/mindreader-backward-draws", 1, "retrieval backward, random batches",
             _drawn_batches("backward", average_repeats=False), "higher",
             "share of candidates that show the same picture, mean over batches", "ours, for the spread of one batch",
             "picture to brain; else as forward-draws", scoring.DRAWS),
    Protocol("retrieval/mindeye-code-forward", 1, "retrieval, called forward by MindEye's code",
             _drawn_batches("backward", average_repeats=True), "higher", "1 / n",
             "MindEye 1 and 2, released code (its similarity matrix comes transposed)",
             "picture to brain, which Mind Reader calls backward; each picture is one candidate, so repeats are averaged: their "
             "activity, as they do, where `repeats` did so, else what was predicted from each", scoring.DRAWS),
    Protocol("retrieval/mindeye-code-backward", 1, "retrieval, called backward by MindEye's code",
             _drawn_batches("forward", average_repeats=True), "higher", "1 / n",
             "MindEye 1 and 2, released code (its similarity matrix comes transposed)",
             "brain to picture, which Mind Reader calls forward; else as mindeye-code-forward", scoring.DRAWS),
    Protocol("twoway/brain-diffuser", 1, "2-way identification, rivals are originals", _rivals_are_originals, "higher",
             "1 / 2", "Brain-Diffuser, released code; MindEye and later papers took it over",
             "Pearson's r; for each reconstruction the share of all other originals that correlate less, strictly"),
    Protocol("twoway/sdr2023", 1, "2-way identification, rivals are reconstructions", _rivals_are_reconstructions,
             "higher", "1 / 2", "Takagi and Nishimoto 2023, released code",
             "Pearson's r, mean over a picture's reconstructions; for each original the share of the other pictures' "
             "reconstructions that correlate less: the other axis of the same matrix"),
    Protocol("nway/mindreader", 1, "{n_choices}-way identification, drawn rivals", _ten_draws, "higher",
             "1 / n_choices", "Mind Reader A.4",
             "cosine, single trials, n - 1 originals drawn for each guess; n counts pictures, not "
             "the class labels of a classifier as in MIND-VIS", scoring.CHOICES | {"n_draws": 10}),
    Protocol("nway/exact", 1, "{n_choices}-way identification", _exact, "higher", "1 / n_choices",
             "ours: the expectation of nway/mindreader over all draws",
             "cosine, single trials, every set of rivals counted, so it needs no seed; a tie is a loss",
             scoring.CHOICES),
    Protocol("distance/effnet-swav", 1, "correlation distance", _correlation_distance, "lower",
             "mean distance to the other pictures", "Brain-Diffuser and MindEye, on EfficientNet and SwAV features",
             "1 - Pearson's r of each reconstruction with its own original: a distance, so lower is better, although "
             "the columns beside it in their tables are better when higher"),
)
PROTOCOLS: dict[str, Protocol] = {p.name: p for p in _ENTRIES}
