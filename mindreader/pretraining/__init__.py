"""Pretrain the shipped weights on the simulated world: CLIP, the small nets and the three starting generators.

    python -m mindreader.pretraining clip | feature | resnet | generator_lf | generator_sup | generator_ood

Each writes a safetensors file and a card that says what it is. Read `__main__` first.
"""

from .clip import category_prompts

__all__ = ["category_prompts"]
