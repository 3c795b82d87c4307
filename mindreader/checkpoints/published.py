"""Recognise published networks by the names and shapes of their tensors, and name the files in which they are published.

What a file is, its contents say; which release of it, its checksum or, where none is published, its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Published:
    """A file of weights as its authors publish it.

    name       ours for it, the folder in which it is kept once it is imported
    kind       what `kind_of` says of its contents
    files      names under which it is published
    sha256     the checksum, or the first digits of it that are published; "" for none
    megabytes  about
    what       which network, trained by whom, on what
    use        what this library does with it
    licence    of the weights, as their authors state it
    """

    name: str
    kind: str
    files: tuple[str, ...]
    sha256: str
    megabytes: int
    what: str
    use: str
    licence: str


_TORCHVISION = "BSD-3-Clause (torchvision), trained on ImageNet"
# The files that this library knows what to do with, those of the paper first.
PUBLISHED = (
    Published("ViT-B-32", "CLIP ViT-B-32", ("ViT-B-32.pt",), "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", 350,
              "OpenAI's CLIP with a ViT-B/32", "the paper's embedding space (embed.clip)", "MIT"),
    Published("ViT-L-14", "CLIP ViT-L-14", ("ViT-L-14.pt",), "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", 930,
              "OpenAI's CLIP with a ViT-L/14", "CLIP, of the eight metrics", "MIT"),
    Published("resnet50-vicreg", "ResNet-50 without classifier", ("resnet50.pth",), "", 94,
              "ResNet-50 trained without labels by VICReg", "the low-level loss, the third mapper, Table 2", "MIT"),
    Published("pt_inception-2015-12-05-6726825d", "Inception v3 of FID",
              ("pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth"), "6726825d", 96,
              "the Inception v3 that defines FID, as pytorch-fid and torch-fidelity have it", "FID, n-way identification",
              "Apache-2.0 (TensorFlow's network)"),
    Published("alexnet-owt-7be5be79", "AlexNet", ("alexnet-owt-7be5be79.pth",), "7be5be79", 244, "torchvision's AlexNet",
              "AlexNet 2 and 5, of the eight metrics", _TORCHVISION),
    Published("inception_v3_google-0cc3c7bd", "Inception v3", ("inception_v3_google-0cc3c7bd.pth",), "0cc3c7bd", 109,
              "torchvision's Inception v3", "Inception, of the eight metrics", _TORCHVISION),
    Published("efficientnet_b1-c27df63c", "EfficientNet-B1", ("efficientnet_b1-c27df63c.pth",), "c27df63c", 31,
              "torchvision's EfficientNet-B1, second weights", "EffNet, of the eight metrics", _TORCHVISION),
    Published("efficientnet_b1_rwightman-bac287d4", "EfficientNet-B1", ("efficientnet_b1_rwightman-bac287d4.pth",), "bac287d4", 31,
              "torchvision's EfficientNet-B1, first weights", "EffNet, as Brain-Diffuser has it", _TORCHVISION),
    Published("swav_800ep_pretrain", "ResNet-50 of SwAV", ("swav_800ep_pretrain.pth.tar",), "", 110,
              "ResNet-50 trained without labels by SwAV", "SwAV, of the eight metrics", "CC BY-NC 4.0"),
    Published("resnet50-0676ba61", "ResNet-50", ("resnet50-0676ba61.pth",), "0676ba61", 103,
              "torchvision's ResNet-50, first weights", "comparisons", _TORCHVISION),
    Published("resnet50-11ad3fa6", "ResNet-50", ("resnet50-11ad3fa6.pth",), "11ad3fa6", 103,
              "torchvision's ResNet-50, second weights", "comparisons", _TORCHVISION),
)
GENERATOR, MAPPER = "generator", "mapper"
# Published without a name that lasts: kept under the name of the file that they were imported from.
WHAT = {GENERATOR: "a generator of Lafite or Mind Reader, with its discriminator", MAPPER: "Mind Reader's released mapper"}
LICENCES = {GENERATOR: "Lafite: MIT, on NVIDIA's code for research without profit", MAPPER: "none stated"}

# how many dimensions the tensors of a CLIP with vision transformer have
_CLIP = {"visual.conv1.weight": 4, "visual.positional_embedding": 2, "visual.proj": 2, "text_projection": 2,
         "token_embedding.weight": 2, "positional_embedding": 2}
# kind -> shapes that it must have; the first that fits counts
_SIGNS: tuple[tuple[str, dict[str, tuple[int, ...]]], ...] = (
    ("AlexNet", {"features.0.weight": (64, 3, 11, 11), "features.10.weight": (256, 256, 3, 3), "classifier.6.weight": (1000, 4096)}),
    ("Inception v3", {"Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
                      "fc.weight": (1000, 2048)}),
    ("Inception v3 of FID", {"Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
                             "fc.weight": (1008, 2048)}),
    ("EfficientNet-B1", {"features.0.0.weight": (32, 3, 3, 3), "features.7.1.block.0.0.weight": (1920, 320, 1, 1),
                         "features.8.0.weight": (1280, 320, 1, 1), "classifier.1.weight": (1000, 1280)}),
    ("ResNet-50 of SwAV", {"conv1.weight": (64, 3, 7, 7), "layer4.2.conv3.weight": (2048, 512, 1, 1),
                           "layer3.5.conv1.weight": (256, 1024, 1, 1), "projection_head.0.weight": ()}),
    ("ResNet-50", {"conv1.weight": (64, 3, 7, 7), "layer4.2.conv3.weight": (2048, 512, 1, 1),
                   "layer3.5.conv1.weight": (256, 1024, 1, 1), "fc.weight": (1000, 2048)}),
    ("ResNet-50 without classifier", {"conv1.weight": (64, 3, 7, 7), "layer4.2.conv3.weight": (2048, 512, 1, 1),
                                      "layer3.5.conv1.weight": (256, 1024, 1, 1)}),
)
_DEEPER = {"layer3.6.conv1.weight"}     # of ResNet-101 and 152, which have all that ResNet-50 has
_CLIPS = {  # (joint, picture, patch, width, layers, context, vocabulary, text width, text layers) -> open_clip's name
    (512, 224, 32, 768, 12, 77, 49408, 512, 12): "ViT-B-32", (512, 224, 16, 768, 12, 77, 49408, 512, 12): "ViT-B-16",
    (768, 224, 14, 1024, 24, 77, 49408, 768, 12): "ViT-L-14",
}


def kind_of(parts: Mapping[str, Shapes]) -> str:
    """What the networks of a file are, by the names and shapes of their tensors; "" for what is not known here.

    "CLIP ViT-B-32", "ResNet-50 without classifier", "generator" and so on; a CLIP of other sizes is "CLIP".
    """
    if any("synthesis.b4.const" in shapes and "mapping.fc0.weight" in shapes for shapes in parts.values()):
        return GENERATOR
    if len(parts) != 1:
        return ""
    shapes = next(iter(parts.values()))
    if all(len(shapes.get(name, ())) == n for name, n in _CLIP.items()) and "logit_scale" in shapes:
        return f"CLIP {_CLIPS.get(_clip_sizes(shapes), '')}".strip()
    if {"encoder.0.0.weight", "fc.1.weight", "fc.3.weight"} <= set(shapes) and len(shapes["encoder.0.0.weight"]) == 3:
        return MAPPER
    if _DEEPER & set(shapes):
        return ""
    return next((kind for kind, signs in _SIGNS if all(
        name in shapes and (not shape or tuple(shapes[name]) == shape) for name, shape in signs.items())), "")


def clip_architecture(shapes: Shapes) -> dict:
    """open_clip's settings ("embed_dim", "vision_cfg", "text_cfg") of a CLIP with vision transformer, by its tensors' shapes."""
    joint, picture, patch, width, layers, context, vocabulary, text_width, text_layers = _clip_sizes(shapes)
    return {"embed_dim": joint,
            "vision_cfg": {"image_size": picture, "layers": layers, "width": width, "patch_size": patch, "head_width": 64},
            "text_cfg": {"context_length": context, "vocab_size": vocabulary, "width": text_width, "heads": max(text_width // 64, 1),
                         "layers": text_layers}}


def release_of(kind: str, path: Path, digest: str) -> tuple[Published | None, bool | None]:
    """Which published file this is, and whether its checksum says so (None: no checksum is published).

    By the checksum first. By the name only where the contents are of that kind: then the weights may be others.
    """
    same = [one for one in PUBLISHED if one.kind == kind]
    for one in same:
        if one.sha256 and digest.startswith(one.sha256):
            return one, True
    for one in same:
        if path.name in one.files or path.stem == one.name:
            return one, False if one.sha256 else None
    return None, None


def _clip_sizes(shapes: Shapes) -> tuple[int, ...]:
    def layers(prefix: str) -> int:
        found = {match[1] for name in shapes if (match := re.match(rf"{prefix}transformer\.resblocks\.(\d+)\.", name))}
        return len(found)

    width, patch = shapes["visual.conv1.weight"][0], shapes["visual.conv1.weight"][-1]
    grid = round(max(shapes["visual.positional_embedding"][0] - 1, 0) ** 0.5)
    vocabulary, text_width = shapes["token_embedding.weight"]
    return (shapes["text_projection"][1], grid * patch, patch, width, layers(r"visual\."), shapes["positional_embedding"][0],
            vocabulary, text_width, layers(""))
