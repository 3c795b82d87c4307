"""What all trainings share: the losses, the loops that fit and pretrain networks, and training on several processes.

Read `losses` first, `fitting` for the loop of mappers, encoders and classifiers.
"""

from .bfloat16 import bfloat16_head, bfloat16_rectify, bfloat16_trunk
from .compiling import Compiler, EAGER
from .devices import normal, sent
from .fitting import AuxiliaryNetwork, Phase, Schedule, Task, as_tensor, fit, identity_of, in_batches, new_network
from .loop import Budget, hardware, pretrain
from .losses import (LOSSES, TEMPERATURE, blend, contrastive, cosine_distance, logistic_discriminator,
                     logistic_generator, r1_penalty, squared_error, vicreg)
from .memory import keep_freed_memory
from .parallel import SINGLE, ProcessGroup, SharedStore, process_group
from .precision import compute_dtype, has_bfloat16, mixed_precision

__all__ = ["as_tensor", "AuxiliaryNetwork", "bfloat16_head", "bfloat16_rectify", "bfloat16_trunk", "blend", "Budget",
           "Compiler", "compute_dtype", "contrastive", "cosine_distance", "EAGER", "fit", "hardware", "has_bfloat16", "identity_of", "in_batches",
           "keep_freed_memory", "logistic_discriminator", "logistic_generator", "LOSSES", "mixed_precision", "new_network", "normal", "Phase", "pretrain", "process_group",
           "ProcessGroup", "r1_penalty", "Schedule", "sent", "SharedStore", "SINGLE", "squared_error", "Task", "TEMPERATURE", "vicreg"]
