"""From pictures to features of networks other than CLIP, for scores and as targets of the third mapper.

    pictures ──features──▶ Embeddings, for scores and the third mapper
    pictures ──gabor──▶ energies of filters, which no training made

Small networks serve the simulated world, and the `published` ones photographs.

Read `features` first.
"""

from .features import FeatureNet, load_feature_net, load_resnet, LowLevelNet, network_checksum, PixelEmbedder
from .gabor import GaborEmbedder
from .published import find_published, INCEPTION, InceptionNet, NETWORKS, ResNet50
from .smallnets import FEATURE_NET, NetConfig, RESNET, SmallNet

__all__ = ["FEATURE_NET", "FeatureNet", "find_published", "GaborEmbedder", "INCEPTION", "InceptionNet", "load_feature_net",
           "load_resnet", "LowLevelNet", "NetConfig", "network_checksum", "NETWORKS", "PixelEmbedder", "RESNET", "ResNet50",
           "SmallNet"]
