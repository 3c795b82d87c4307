"""Reconstruct pictures from decoded embeddings, and interpolate brain states before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ..records import SPACES, Embeddings, PictureGenerator, Reconstructions, Trials


def reconstruct(embeddings: Mapping[str, Embeddings], generator: PictureGenerator, *, heads: Sequence[str] | None = None,
                n_draws: int = 1, seed: int = 0, note: str = "", progress: Callable[..., Iterable] | None = None) -> Reconstructions:
    """Generate pictures conditioned on embeddings: one row for each, `n_draws` draws of the noise z.

    The noise of a row depends on `seed` and on the row's place, so panels of the same trials in the same order share
    it, and a difference between them comes from the condition alone.

    Parameters
    ----------
    embeddings : head ("image", "caption") -> Embeddings
        Joined by (image id, key); the first head gives the order. Scaled to unit length here.
    generator : PictureGenerator
        Is given the first head's embeddings, and the second's (None for a generator with one head).
    heads : sequence of str, optional
        Which to use, in which order; by default those given.
    progress : callable, optional
        Wraps the generator's batches in a bar; see `core.progress`.

    Raises ValueError where a head is missing or the heads hold different rows. Source: paper §2.3.
    """
    heads = tuple(heads or [space for space in SPACES if space in embeddings])
    if not heads or any(head not in embeddings for head in heads):
        raise ValueError(f"got embeddings for {', '.join(embeddings) or 'no head'}, expected "
                         f"{' and '.join(heads or SPACES)}")
    first = embeddings[heads[0]].unit()
    conditions = [first.vectors] + [_like(embeddings[head], first, head).unit().vectors for head in heads[1:]]
    conditions += [None] * (2 - len(conditions))
    several = ({"n_draws": n_draws} if n_draws > 1 else {}) | ({"progress": progress} if progress else {})
    images = np.asarray(generator.generate(*conditions, seed=seed, **several))
    images = images[:, None] if images.ndim == 4 else images
    if images.shape[:2] != (len(first), n_draws) or images.dtype != np.uint8:
        raise ValueError(f"the generator gave {images.dtype} pictures of shape {images.shape}, expected uint8 "
                         f"({len(first)}, {n_draws}, height, width, 3)")
    return Reconstructions(images, first.image_ids, first.keys, heads, seed, note)


def interpolate(a: Trials, b: Trials, n_steps: int) -> Trials:
    """Interpolate linearly from trial a to trial b, both included: n_steps brain states.

    Trial ids count the steps from 0; image id and session are those of the nearer end. Source: paper A.9.
    """
    if len(a) != 1 or len(b) != 1 or n_steps < 2:
        raise ValueError(f"got {len(a)} and {len(b)} trials and {n_steps} steps, expected one trial each and at least two "
                         "steps; take a single row")
    share = np.linspace(0, 1, n_steps)
    betas = (1 - share[:, None]) * a.betas + share[:, None] * b.betas
    later = share > 0.5
    return Trials(betas.astype(np.float32), np.where(later, b.image_ids, a.image_ids), np.arange(n_steps),
                  np.where(later, b.sessions, a.sessions))


def _like(embeddings: Embeddings, first: Embeddings, head: str) -> Embeddings:
    rows = embeddings.index.get_indexer(first.index)
    if (rows < 0).any() or len(embeddings) != len(first):
        raise ValueError(f"the {head} head holds {len(embeddings)} rows, {int((rows >= 0).sum())} of them among the "
                         f"{len(first)} of the first head; expected the same trials in both")
    return embeddings.take(rows)
