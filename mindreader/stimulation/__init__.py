"""From trials to states of the brain that nobody measured, and what they change in embeddings and pictures (paper §3.3).

    trials, voxels ──decoding──▶ embeddings of stimulated states, of a region and of random voxels that match it
    embeddings ──shifts──▶ how consistently they move        states ──measured_range──▶ how far they lie from measured ones
    embeddings ──states──▶ pictures of the same noise z ──texture──▶ their colours, edges and repeated patterns

Read `decoding` first.
"""

from .decoding import CATEGORY_REGIONS, decode_stimulated, matched_voxels
from .measured_range import fit_range, MeasuredRange
from .shifts import consistency, rank_p, same_coordinates, share_lower
from .states import generate_states
from .texture import PICTURE_MEASURES

__all__ = ["CATEGORY_REGIONS", "consistency", "decode_stimulated", "fit_range", "generate_states", "matched_voxels", "MeasuredRange",
           "PICTURE_MEASURES", "rank_p", "same_coordinates", "share_lower"]
