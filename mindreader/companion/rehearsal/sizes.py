"""How large a rehearsal is: what is drawn, which weights are written, and which settings of the preset `paper` are cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...generator import PUBLISHED, StyleGanConfig
from ...twin import TwinConfig

PAPER = "ViT-B-32"  # the paper's CLIP
GENERATOR = "lafite-rehearsal"  # the name under which the generator of random weights is imported
EVALUATION = ("resnet50-vicreg", "pt_inception-2015-12-05-6726825d")    # without which no score on photographs is computed
METRICS = ("alexnet-owt-7be5be79", "inception_v3_google-0cc3c7bd", "efficientnet_b1-c27df63c", "swav_800ep_pretrain")


@dataclass(frozen=True)
class Size:
    """One rehearsal.

    subject      voxels, sessions and trials
    generator    sizes of the generator that finetuning starts from
    networks     names of `checkpoints.PUBLISHED` of which files are written
    settings     of the preset `paper`, by dotted name, that are cut
    clip         open_clip's settings of a small CLIP in the place of the preset's; None for that one
    """

    subject: TwinConfig
    generator: StyleGanConfig
    networks: tuple[str, ...]
    settings: dict
    clip: dict | None = None


def _settings(*, epochs: int, kimg: float, batch: int, n_retrieval: int, n_bootstrap: int, ways: list[int],
              image_size: int) -> dict:
    """Budgets; the sizes of networks and pictures stay as in the paper."""
    return {
        "data.image_size": image_size, "mapping.epochs": [epochs, epochs], "grid.epochs": [epochs, epochs], "grid.n_seeds": 1,
        "grid.n_pictures": 4, "grid.painter_kimg": kimg, "category.epochs": epochs, "encoder.epochs": epochs, "gan.kimg": kimg,
        "gan.pseudo_kimg": kimg, "gan.tick_kimg": kimg, "gan.batch": batch, "evaluate.n_retrieval": n_retrieval,
        "evaluate.n_bootstrap": n_bootstrap, "evaluate.ways": ways}


# On processors: everything has the paper's shapes, and as little of it as every analysis can take. Batches are smaller, for the
# memory's sake: one of 128 trials takes the mapper 12 GB there, and each picture more takes the generator 0.7 GB and 10 s.
SHAPES = Size(TwinConfig(n_voxels=15724, n_sessions=2, trials_per_session=120), PUBLISHED, (PAPER, *EVALUATION, *METRICS),
              _settings(epochs=1, kimg=0.002, batch=2, n_retrieval=24, n_bootstrap=4, ways=[2, 5], image_size=256)
              | {"mapping.batch_contrastive": 32})
# For the tests: the same chapters and formats, of a size at which one processor is done in a minute or two.
_SMALL_CLIP = {"embed_dim": 32, "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}, "quick_gelu": True,
               "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 1, "layers": 1}}
CUT = Size(TwinConfig(n_voxels=500, n_sessions=2, trials_per_session=120),
           replace(PUBLISHED, resolution=32, condition_dim=32, channel_base=512, channel_max=32, mapping_layers=2), EVALUATION,
           _settings(epochs=1, kimg=0.004, batch=4, n_retrieval=24, n_bootstrap=4, ways=[2, 5], image_size=32)
           | {"mapping.pad_to": None, "mapping.batch_contrastive": 32}, _SMALL_CLIP)
# On a GPU: sessions as long as NSD's, and budgets in proportion to the paper's.
PROPORTION = Size(TwinConfig(n_voxels=15724, n_sessions=2, trials_per_session=750), PUBLISHED,
                  (PAPER, *EVALUATION, *METRICS, "ViT-L-14"),
                  _settings(epochs=2, kimg=0.32, batch=32, n_retrieval=100, n_bootstrap=1000, ways=[2, 5, 10, 50],
                            image_size=256))
