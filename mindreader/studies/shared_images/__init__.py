"""Decode, reconstruct and score NSD's shared images as later papers do: repeats averaged, nothing fitted to what is scored.

    python -m mindreader.studies shared_images --subject subj01 -y '{start: lafite-coco, device: cuda}'

Each practice (`field.PRACTICES`) has mappers and a generator of its own, which see no trial of a scored image, not even to
say when to stop. The mean activity of each shared image is decoded and reconstructed once, and scored by that paper's table
of the eight metrics and by retrieval as MindEye's code does it. Chapter 03 shows the same at the preset shared1000.
"""

from .averaged import AveragedPipeline, UNCHANGED, averaged, averaged_reconstructions
from .scores import LEFT_OUT, RETRIEVALS, main, shared_image_scores, what_was_scored

__all__ = ["AveragedPipeline", "averaged", "averaged_reconstructions", "LEFT_OUT", "main", "RETRIEVALS", "shared_image_scores",
           "UNCHANGED", "what_was_scored"]
