"""From `Embeddings` to `Reconstructions`: the two-headed conditional StyleGAN2 and its finetuning (paper §2.3).

    embedding, z ──stylegan──▶ picture        steps: losses        finetuning: the training loop, checkpointed

`joint` trains the mappers along with it; `reconstruction` generates pictures from decoded embeddings.
Read `stylegan` first.
"""

from .finetuning import TrainedGan, TrainingState, run, train_gan
from .joint import silent_positions, train_jointly
from .reconstruction import reconstruct
from .samples import Watch
from .steps import BUGS, GanConfig, PSEUDO_NOISE, contrastive_losses, mixed_styles, perturb, r1_losses
from .stylegan import Discriminator, DiscriminatorOutput, Generator, PUBLISHED, StyleGanConfig

__all__ = ["BUGS", "contrastive_losses", "Discriminator", "DiscriminatorOutput", "GanConfig", "Generator", "mixed_styles", "perturb",
           "PSEUDO_NOISE", "PUBLISHED", "r1_losses", "reconstruct", "run", "silent_positions", "StyleGanConfig", "train_gan",
           "train_jointly", "TrainedGan", "TrainingState", "Watch"]
