"""From `Embeddings` to `Reconstructions`: the two-headed conditional StyleGAN2 and its finetuning (paper §2.3).

    embedding, z ──stylegan──▶ picture        finetuning: steps of both networks, checkpointed

`joint` trains the mappers along with it, `reconstruct` asks it for pictures, also after microstimulation (§3.3).
Read `stylegan` first.
"""

from .critic import Eye, Rivalry, content_distance
from .finetuning import Game, TrainedGan, run, train_gan
from .joint import silent_positions, train_jointly
from .reconstruction import microstimulate, random_voxels_like, reconstruct, silence
from .samples import Watch
from .steps import BUGS, GanConfig, PSEUDO_NOISE, perturb
from .stylegan import Discriminator, Generator, PUBLISHED, StyleGanConfig, Verdict

__all__ = ["BUGS", "content_distance", "Discriminator", "Eye", "Game", "GanConfig", "Generator", "microstimulate",
           "perturb", "PSEUDO_NOISE", "PUBLISHED", "random_voxels_like", "reconstruct", "Rivalry", "run", "silence",
           "silent_positions", "StyleGanConfig", "train_gan", "train_jointly", "TrainedGan", "Verdict", "Watch"]
