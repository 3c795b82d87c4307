"""Between `Trials` and `Embeddings`: the fMRI-to-CLIP mappers (paper §2.2), their baselines, and the encoder (A.8).

    betas ──network──▶ embeddings        embeddings ──encoding──▶ betas

Read `network` first.
"""

from .baselines import fit_mlp, fit_ridge
from .encoding import EncoderConfig, FittedEncoder, cycle, fit_encoder
from .fitted import check_voxels
from .linear_encoding import fit_linear_encoder, LinearEncoder
from .network import (AUXILIARIES, CAPTION_CHOICES, FittedMapper, MappingConfig, ResidualMapper, first_phase,
                      fit_mapper, low_level_recipe, low_level_targets, targets)

__all__ = ["AUXILIARIES", "CAPTION_CHOICES", "check_voxels", "cycle", "EncoderConfig", "first_phase", "fit_encoder",
           "fit_linear_encoder", "fit_mapper", "fit_mlp", "fit_ridge", "FittedEncoder", "FittedMapper", "LinearEncoder",
           "low_level_recipe", "low_level_targets", "MappingConfig", "ResidualMapper", "targets"]
