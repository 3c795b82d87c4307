"""From pictures and captions to `Embeddings`, and the screening of captions by CLIP.

    pictures, captions ──clip──▶ Embeddings ──screening──▶ captions that match their picture (paper §2.1)
    pictures ──features, published──▶ Embeddings for scores, and targets of the third mapper

The evaluation and low-level networks are small ones of the simulated world, or, for photographs, the published ones. Read
`clip` first.
"""

from .augmentation import augment
from .clip import (ClipEmbedder, CompactTokenizer, EmbedConfig, clip_checksum, embed_augmented, embed_captions, embed_pictures,
                   embed_reconstructions, is_of_simulated_world, load_clip)
from .features import FeatureNet, LowLevelNet, PixelEmbedder, load_feature_net, load_resnet, network_checksum
from .gabor import GaborEmbedder
from .published import find_published, INCEPTION, InceptionNet, NETWORKS, ResNet50
from .screening import ScreenConfig, keep_embeddings, keep_matching, score_captions
from .smallnets import FEATURE_NET, NetConfig, RESNET, SmallNet, unit_range

__all__ = ["augment", "clip_checksum", "ClipEmbedder", "CompactTokenizer", "embed_augmented", "embed_captions", "embed_pictures",
           "embed_reconstructions", "EmbedConfig", "FEATURE_NET", "FeatureNet", "find_published", "GaborEmbedder", "INCEPTION",
           "InceptionNet", "is_of_simulated_world", "keep_embeddings", "keep_matching", "load_clip", "load_feature_net",
           "load_resnet", "LowLevelNet", "NetConfig", "network_checksum", "NETWORKS", "PixelEmbedder", "RESNET", "ResNet50",
           "score_captions", "ScreenConfig", "SmallNet", "unit_range"]
