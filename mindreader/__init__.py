"""Mind Reader, the runnable paper: reconstructing complex images from brain activities.

    import mindreader as mr
    run = mr.Pipeline(mr.experiment("book"))

The rooms, each importing only those before it: `core`, `checkpoints`, `nsd`, `world`, `twin`, `embedding`, `extractors`, `training`,
`mapping`, `generator`, `scoring`, `field`, `stimulation`, `evaluation`, `pretraining`; `experiments` (the settings of all stages) and
`pipeline` (the paper's Figure 1); `studies`, `doctor` and `companion`. `records` has the nouns that flow between them.
"""

import warnings

import lazy_loader

__version__ = "0.2.0"

# Each room is imported when first asked for: papermill imports this package before every run.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["checkpoints", "companion", "core", "doctor", "embedding", "evaluation", "experiments", "extractors", "field",
                "generator", "mapping", "nsd", "pipeline", "pretraining", "records", "scoring", "stimulation", "studies", "training",
                "twin", "world"],
    submod_attrs={"experiments": ["experiment"], "nsd": ["load_subject"], "pipeline": ["Pipeline"]},
)

# Said by tqdm, which others import, to every notebook without widgets; our bars go to the terminal (core.progress).
warnings.filterwarnings("ignore", message="IProgress not found")
