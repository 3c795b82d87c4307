"""Place simulated voxels on a real cortical surface, and draw it: regions, voxels → vertices of fsaverage5 → a picture.

The geometry is fsaverage's, as nilearn packages it; where a simulated region lies on it is a drawing aid (`patches`).
"""

from .drawing import draw, Drawing, VIEWS
from .layout import PLACES, Place, lay_on, patches, place_of, SHOWN_AS
from .mesh import Hemisphere, read_hemisphere, SIDES, smooth

__all__ = ["draw", "Drawing", "Hemisphere", "lay_on", "patches", "Place", "place_of", "PLACES", "read_hemisphere", "SHOWN_AS", "SIDES",
           "smooth", "VIEWS"]
