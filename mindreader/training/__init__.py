"""What all trainings share: losses as equations, the loop that fits a network, and processes that train together.

Read `losses` first, `fitting` for the loop of mappers, encoders and classifiers.
"""

from .fitting import Companion, Phase, Schedule, Task, as_tensor, fit, identity_of, in_batches, new_network
from .loop import Budget, hardware, learn
from .losses import (LOSSES, TEMPERATURE, blend, contrastive, cosine_distance, logistic_discriminator,
                     logistic_generator, r1_penalty, squared_error, vicreg)
from .memory import keep_freed_memory
from .parallel import ALONE, Crew, CrewStore, joined

__all__ = ["ALONE", "as_tensor", "blend", "Budget", "Companion", "contrastive", "cosine_distance", "Crew", "CrewStore",
           "fit", "hardware", "identity_of", "in_batches", "joined", "keep_freed_memory", "learn",
           "logistic_discriminator", "logistic_generator", "LOSSES", "new_network", "Phase", "r1_penalty", "Schedule",
           "squared_error", "Task", "TEMPERATURE", "vicreg"]
