"""Between `Trials` and `Embeddings`: the fMRI-to-CLIP mappers (paper §2.2), their baselines, and the encoder (A.8).

    betas ──network──▶ embeddings        embeddings ──encoding──▶ betas

`stimulation` decodes states with voxels set to other values, `measured_range` says how far those lie from measured ones,
`shifts` how the decoded embeddings move.
Read `network` first.
"""

from .baselines import fit_mlp, fit_ridge
from .encoding import EncoderConfig, FittedEncoder, cycle, fit_encoder
from .linear_encoding import fit_linear_encoder, LinearEncoder
from .measured_range import MeasuredRange, fit_range
from .network import (AUXILIARIES, CAPTION_CHOICES, FittedMapper, MappingConfig, ResidualMapper, first_phase,
                      fit_mapper, low_level_recipe, low_level_targets, targets)
from .shifts import consistency, rank_p, same_coordinates, share_lower
from .stimulation import decode_stimulated, matched_voxels

__all__ = ["AUXILIARIES", "CAPTION_CHOICES", "consistency", "cycle", "decode_stimulated", "EncoderConfig", "first_phase",
           "fit_encoder", "fit_linear_encoder", "fit_mapper", "fit_mlp", "fit_range", "fit_ridge", "FittedEncoder", "FittedMapper",
           "LinearEncoder", "low_level_recipe", "low_level_targets", "MappingConfig", "matched_voxels", "MeasuredRange", "rank_p",
           "ResidualMapper", "same_coordinates", "share_lower", "targets"]
