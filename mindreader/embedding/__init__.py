"""From pictures and captions to `Embeddings`, and the screening of captions by CLIP.

    pictures, captions ──clip──▶ Embeddings ──screening──▶ captions that match their picture (paper §2.1)

Read `clip` first.
"""

from .augmentation import augment, checked_pixels
from .clip import (ClipEmbedder, CompactTokenizer, EmbedConfig, clip_checksum, embed_augmented, embed_captions, embed_pictures,
                   embed_reconstructions, is_of_simulated_world, load_clip)
from .frozen import Frozen, in_batches, resize, unit_range
from .screening import ScreenConfig, keep_embeddings, keep_matching, score_captions

__all__ = ["augment", "checked_pixels", "clip_checksum", "ClipEmbedder", "CompactTokenizer", "embed_augmented",
           "embed_captions", "embed_pictures", "embed_reconstructions", "EmbedConfig", "Frozen", "in_batches",
           "is_of_simulated_world", "keep_embeddings", "keep_matching", "load_clip", "resize", "score_captions", "ScreenConfig",
           "unit_range"]
