"""Mind Reader, the runnable paper: reconstructing complex images from brain activities."""

import warnings

__version__ = "0.1.0"

# Said by tqdm, which others import, to every notebook without widgets; our bars go to the terminal (params.progress).
warnings.filterwarnings("ignore", message="IProgress not found")
