"""Pretrain the shipped weights on the simulated world: CLIP, the small nets, the segmenter and the three starting generators.

    python -m mindreader.pretraining clip | feature | resnet | segmenter | generator_lf | generator_sup | generator_ood
    python -m mindreader.pretraining generators --device cuda --minutes 10      all three, in their shares of ten minutes

Each writes a safetensors file and a card that says what it is. Read `__main__` first.
"""

from .clip import category_prompts
from .evaluation import (adversarial_pictures, pixel_gaussian, REAL_SET, reference_distances, score_generator,
                         score_pictures, TWIN_FEATURES)

__all__ = ["adversarial_pictures", "category_prompts", "pixel_gaussian", "REAL_SET", "reference_distances", "score_generator",
           "score_pictures", "TWIN_FEATURES"]
