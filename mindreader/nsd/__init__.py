"""Load a subject from a folder in the layout of the Natural Scenes Dataset (NSD).

    betas, masks, design, captions, classes ──loader──▶ Subject(stimuli, trials, rois, split)
    the same ──inspection──▶ what is there, what is wrong, and the commands that fetch it (`released`)

Real and simulated subjects are loaded alike. NSD's file names, 1-based ids and axis order are known here and nowhere else.
Read `loader` first.
"""

from .annotations import coco_pictures
from .design import stim_info
from .inspection import Inspected, Inspection, inspect_subject
from .loader import ANNOTATIONS, DataConfig, Layout, MARKER, REHEARSAL, SPLITS, ZSCORES, load_subject, read_betas, read_pictures
from .outlines import Outline, read_outlines
from .regions import ATLASES, read_marked, read_mask
from .released import Fetch, PICTURES_BYTES, RELEASED, Released, session_bytes

__all__ = ["ANNOTATIONS", "ATLASES", "coco_pictures", "DataConfig", "Fetch", "inspect_subject", "Inspected", "Inspection",
           "Layout", "load_subject", "MARKER", "Outline", "PICTURES_BYTES", "read_betas", "read_marked", "read_mask",
           "read_outlines", "read_pictures", "REHEARSAL", "RELEASED", "Released", "session_bytes", "SPLITS", "stim_info",
           "ZSCORES"]
