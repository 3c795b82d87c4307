"""Train mappers and generator end to end: the setting that the paper found worse than frozen mappers (§3.1)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import training
from ..training import as_tensor, mixed_precision
from .finetuning import GanConfig, TrainedGan, TrainingState, run
from .steps import generate_batch

(REGRESSION,) = training.LOSSES["all"]  # the weights of a mapper's own last phase


@dataclass(frozen=True, eq=False)
class TrainedJointly:
    """The generator, and the mappers' networks, one for each of its heads."""

    generator: TrainedGan
    networks: tuple[nn.Module, ...]


def train_jointly(pictures: np.ndarray, rows: np.ndarray, betas: np.ndarray, wanted: Sequence[np.ndarray],
                  networks: Sequence[nn.Module], config: GanConfig, *, weight: float, start: TrainedGan, clip=None,
                  low_level: Callable | None = None, seed: int, device: str = "cpu", checkpoint: Path | None = None,
                  progress: Callable | None = None, on_tick: Callable | None = None, compiled: bool = False) -> TrainedJointly:
    """Finetune the generator on the mappers' embeddings, and the mappers through the discriminator's loss.

        L_mapper_k = 0.2 squared error + 0.3 cosine distance + 0.5 contrastive + weight * softplus(-D(generated))

    with the generator's and the discriminator's own losses as in `train_gan`. Each mapper's regression is of its *own*
    output, and its contrastive loss is one-sided, as the generator's are. Source: paper §3.1; weight 0.1 and Adam's
    numbers from the released code, where this is switched off and the second mapper's loss is of the first's output
    (the published bug "second_on_first"). Departs: D-14.

    Parameters
    ----------
    pictures : uint8 array (n_images, height, width, 3)
    rows : int array (n_trials,)
        Picture of each trial.
    betas : array (n_trials, n_voxels)
    wanted : one or two arrays (n_trials, n_dims)
        Target of each mapper: clamped unit-length embeddings.
    networks : one or two modules, betas -> (B, n_dims)
        The mappers to start from; not changed here.
    weight : float
        Of the adversarial loss in the mappers' loss; 0: regression alone.
    start, clip, low_level, seed, device, checkpoint, progress, on_tick, compiled
        As for `train_gan`.

    Raises ValueError where heads and mappers differ in number, Diverged where a loss is not finite.
    """
    if not len(wanted) == len(networks) == start.network.heads:
        raise ValueError(f"got {len(networks)} mappers and {len(wanted)} kinds of targets for a generator with "
                         f"{start.network.heads} head(s), expected one of each for every head")
    if weight < 0:
        raise ValueError(f"got an end-to-end weight of {weight}, expected 0 or more")
    state = JointTrainingState(config, start, networks, weight, seed, device,
                               helpers={"clip": clip, "low_level": low_level, "content": None},
                               compiler=training.Compiler(compiled, device))
    trained = run(state, pictures, np.asarray(rows), tuple(as_tensor(x) for x in (betas, *wanted)),
                  checkpoint=checkpoint, progress=progress, on_tick=on_tick)
    return TrainedJointly(trained, tuple(state.networks.cpu().eval()))


class JointTrainingState(TrainingState):
    """A training state whose conditions are predicted anew in every step, by mappers that are trained too."""

    def __init__(self, config: GanConfig, start: TrainedGan, networks: Sequence[nn.Module], weight: float, seed: int,
                 device: str, *, helpers: dict, compiler: training.Compiler = training.EAGER):
        super().__init__(config, start, len(networks), seed, device, helpers=helpers, compiler=compiler)
        self.weight = weight
        self.networks = nn.ModuleList(copy.deepcopy(network) for network in networks).to(device).train()
        self.map_optimizer = torch.optim.Adam(self.networks.parameters(), lr=config.learning_rate, betas=config.adam_betas)
        self.parts |= {"networks": self.networks, "map_optimizer": self.map_optimizer}

    def train_step(self, real: Tensor, trials: tuple[Tensor, ...]) -> None:
        """Train on one batch, (betas, *targets): the steps of generator and discriminator, then of the mappers."""
        betas, *wanted = (training.sent(x, self.device) for x in trials)
        with torch.no_grad():
            predicted = self.predict(betas)
        super().train_step(real, predicted)
        nets = nn.ModuleList([self.generator, self.discriminator]).requires_grad_(False)
        self.descend(self.map_optimizer, "mappers", self.mapper_losses(betas, wanted))
        nets.requires_grad_(True)

    def predict(self, betas: Tensor) -> tuple[Tensor, ...]:
        """Each mapper's embeddings of these trials."""
        with mixed_precision(self.config.precision, betas.device):
            embeddings = [network(betas) for network in self.networks]
        return tuple(p.float() for p in embeddings)

    def mapper_losses(self, betas: Tensor, wanted: Sequence[Tensor]) -> dict[str, Tensor]:
        """Regression of each mapper's output to its targets, and the generator's adversarial loss of what it yields."""
        predicted = self.predict(betas)
        terms = {}
        regressed = predicted[:1] * len(predicted) if "second_on_first" in self.config.published_bugs else predicted
        for name, embeddings, target in zip(("first", "second"), regressed, wanted):
            losses = (training.squared_error(embeddings, target), training.cosine_distance(embeddings, target),
                    training.contrastive(embeddings, target, temperature=self.config.temperature, rows=0))
            terms[f"{name} regression"] = sum(w * term for w, term in zip(REGRESSION, losses))
        if self.weight:
            conditions = self.perturbed(predicted)
            generated, _ = generate_batch(self.generator, conditions, self.config, self.rng)
            logit = self.discriminator(generated, *conditions).logit
            terms["adversarial"] = self.weight * training.logistic_generator(logit)
        return terms

    def _settings(self) -> dict:
        return super()._settings() | {"end_to_end": self.weight}


def silent_positions(embeddings: np.ndarray, share: float = 0.01) -> float:
    """Share of silent dimensions: those whose spread over trials is below `share` of the mean spread.

    embeddings (n, n_dims). The collapse that the paper reports for one of its mappers trained end to end.

    >>> silent_positions(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    0.5
    """
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2 or len(embeddings) < 2:
        raise ValueError(f"got embeddings of shape {embeddings.shape}, expected at least two rows (n, n_dims)")
    spread = F.normalize(torch.from_numpy(embeddings), dim=1).std(0).numpy()
    return float((spread < share * spread.mean()).mean()) if spread.any() else 1.0
