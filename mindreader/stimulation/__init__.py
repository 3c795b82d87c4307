"""From trials to states of the brain that nobody measured, and what they change in embeddings and pictures (paper §3.3).

    trials ──decoding──▶ embeddings of stimulated states, and of random voxels
    embeddings ──shifts──▶ whether all trials move alike
    states ──measured_range──▶ how far they lie from measured ones
    embeddings ──states──▶ pictures ──texture──▶ colours, edges, repetition

Read `decoding` first.
"""

from .decoding import CATEGORY_REGIONS, decode_stimulated, matched_voxels
from .measured_range import fit_range, MeasuredRange
from .shifts import consistency, rank_p, same_coordinates, share_lower
from .states import generate_states
from .texture import PICTURE_MEASURES

__all__ = ["CATEGORY_REGIONS", "consistency", "decode_stimulated", "fit_range", "generate_states", "matched_voxels", "MeasuredRange",
           "PICTURE_MEASURES", "rank_p", "same_coordinates", "share_lower"]
