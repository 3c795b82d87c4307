"""From a file of other people's weights to tensors by name; nothing in the file is run.

    a file as published ──opcodes, inert──▶ plain data ──containers──▶ tensors by name
                        ──published, generators──▶ what it is ──importing──▶ safetensors and a card in the home

`python -m mindreader.checkpoints FILE...` imports files, and without a file says which are there. Read `containers` first.
"""

from .containers import Checkpoint, load_checkpoint, open_checkpoint, Stored
from .generators import generator_architecture, kept_names
from .importing import (VARIABLE, Imported, all_weights, find_weights, import_file, imported_folder, inventory, published_digest,
                        recognise, weights_folder)
from .inert import Refused
from .published import PUBLISHED, Published, clip_architecture, kind_of

__all__ = ["all_weights", "Checkpoint", "clip_architecture", "find_weights", "generator_architecture", "import_file", "Imported",
           "imported_folder", "inventory", "kept_names", "kind_of", "load_checkpoint", "open_checkpoint", "PUBLISHED", "Published",
           "published_digest", "recognise", "Refused", "Stored", "VARIABLE", "weights_folder"]
