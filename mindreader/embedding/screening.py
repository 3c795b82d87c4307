"""Screen captions by CLIP: softmax over a picture's captions, and the threshold on it (paper §2.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..records import Embeddings, Stimuli


@dataclass(frozen=True)
class ScreenConfig:
    """threshold: a caption is kept if its probability exceeds this fraction of the best one's (paper §2.1: one half)."""

    threshold: float = 0.5

    def __post_init__(self):
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"got threshold {self.threshold}, expected 0 (keep all) to 1 (keep only the best)")


def score_captions(stimuli: Stimuli, image_embeddings: Embeddings, caption_embeddings: Embeddings, *, logit_scale: float,
                   config: ScreenConfig = ScreenConfig()) -> pd.DataFrame:
    """The probability of each caption among those of its picture, and whether it is kept.

        p_k = softmax_k(logit_scale * cos(image, caption_k)),    keep k if p_k > threshold * max_j p_j

    which is cos_k > max_j cos_j - ln(1 / threshold) / logit_scale, a margin and not a minimum. The best caption is always
    kept, and any number may be.

    Parameters
    ----------
    image_embeddings, caption_embeddings : Embeddings
        One for each picture, one for each caption (keys are caption ids); of any length.
    logit_scale : float
        CLIP's own, about 100 (1 / temperature).

    Returns
    -------
    table image_id, caption_id, similarity, probability, kept; rows as in `stimuli.captions`

    Raises ValueError for a caption, KeyError for a picture without embedding.
    Source: paper §2.1; softmax and scale are CLIP's, since the screening code was not released.
    """
    table = stimuli.captions[["image_id", "caption_id"]].reset_index(drop=True)
    rows = caption_embeddings.index.get_indexer(pd.MultiIndex.from_frame(table))
    if (rows < 0).any():
        missing = table[rows < 0].iloc[0]
        raise ValueError(f"caption {missing.caption_id} of image {missing.image_id} has no embedding among the "
                         f"{len(caption_embeddings)} given, expected one for every caption; embed these captions")
    texts, images = caption_embeddings.unit().vectors[rows], image_embeddings.unit().at(table.image_id)
    table["similarity"] = (images.astype(np.float64) * texts).sum(1)
    group = table.groupby("image_id").similarity
    odds = np.exp(logit_scale * (table.similarity - group.transform("max")))          # p_k / max_j p_j, at most 1
    table["probability"] = odds / odds.groupby(table.image_id).transform("sum")
    table["kept"] = (odds > config.threshold) | (odds == 1)
    return table


def keep_matching(stimuli: Stimuli, scores: pd.DataFrame) -> Stimuli:
    """The same stimuli with only the captions kept in `scores`."""
    matching = pd.MultiIndex.from_frame(stimuli.captions[["image_id", "caption_id"]]).isin(_kept(scores))
    return stimuli.with_captions(stimuli.captions[matching].reset_index(drop=True))


def keep_embeddings(caption_embeddings: Embeddings, scores: pd.DataFrame) -> Embeddings:
    """Only the embeddings of the captions kept in `scores`, in their order."""
    return caption_embeddings.take(caption_embeddings.index.isin(_kept(scores)))


def _kept(scores: pd.DataFrame) -> pd.MultiIndex:
    """The captions kept, by image and caption id: ids of captions need not be unique over images."""
    return pd.MultiIndex.from_frame(scores.loc[scores.kept, ["image_id", "caption_id"]])
