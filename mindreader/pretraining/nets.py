"""Pretrain the two small nets: one to predict the world's true factors, one self-supervised (VICReg)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import training
from ..core import weights
from ..embedding import unit_range
from ..extractors import FEATURE_NET, NetConfig, RESNET, SmallNet
from ..training import vicreg
from ..world import World

SMOOTH = ("x", "y", "size", "horizon", "things")  # factors that are numbers
KINDS = ("category", "colour", "ground", "light", "weather")  # factors that are one of several


@dataclass(frozen=True)
class NetRecipe:
    """How a small net is trained; `crop` is the share of a side that a view may lose."""

    minutes: float = 7
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    crop: float = 0.12
    seed: int = 0

    def budget(self) -> training.Budget:
        """As the training loop wants it."""
        return training.Budget(self.minutes, self.learning_rate, self.weight_decay)


FEATURE_RECIPE = NetRecipe()
RESNET_RECIPE = NetRecipe(crop=0.4)


class Targets:
    """The true factors of scenes as tensors, and the loss of predicting them from features.

    Present categories (yes or no each), kinds (one of several each), and numbers, standardised.
    """

    def __init__(self, factors: pd.DataFrame):
        self.present = [c for c in factors if c.startswith("has_") and factors[c].between(0.002, 0.998).any()
                        or c in ("indoor", "face", "crowd", "words")]
        self.values = {k: np.unique(factors[k]) for k in KINDS}
        numbers = factors[list(SMOOTH)]
        self.mean, self.std = numbers.mean(), numbers.std().clip(1e-6)
        self.sizes = (len(self.present), len(SMOOTH), *(len(v) for v in self.values.values()))

    def of(self, factors: pd.DataFrame) -> tuple[Tensor, ...]:
        """(present, numbers, one index for each kind) of some scenes."""
        numbers = (factors[list(SMOOTH)] - self.mean) / self.std
        kinds = [torch.from_numpy(np.searchsorted(v, factors[k])) for k, v in self.values.items()]
        return (_floats(factors[self.present]), _floats(numbers), *kinds)

    def loss(self, outputs: Tensor, truth: tuple[Tensor, ...]) -> Tensor:
        """Mean binary and categorical cross-entropies and squared error; `outputs` (N, sum of sizes)."""
        present, numbers, *kinds = outputs.split(self.sizes, 1)
        loss = 10 * F.binary_cross_entropy_with_logits(present, truth[0]) + F.mse_loss(numbers, truth[1])
        return loss + sum(F.cross_entropy(guess, right) for guess, right in zip(kinds, truth[2:]))


def pretrain_feature(world: World, folder: Path, recipe: NetRecipe = FEATURE_RECIPE, *, resume: bool = False,
                     progress=None) -> dict:
    """Train the feature net on the true factors of a world's scenes and save it; gives the card.

    Parameters
    ----------
    world : World
    folder : Path
        Gets weights.safetensors and card.json; the heads that predict the factors are not kept.
    recipe, resume, progress
        As in `pretrain_clip`.
    """
    targets = Targets(world.factors.iloc[world.train])
    truth = targets.of(world.factors.iloc[world.train])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = SmallNet(FEATURE_NET)
        module = nn.Sequential(net, nn.Linear(net.n_dims, sum(targets.sizes)))
    module.to(memory_format=torch.channels_last).train()

    def loss_of(step: int) -> tuple[Tensor, dict]:
        rng = np.random.default_rng([recipe.seed, 1, step])
        rows = np.sort(rng.choice(len(world.train), recipe.batch, replace=False))
        pictures = views(world.pictures[rows], rng, crop=recipe.crop)
        with training.mixed_precision("bfloat16"):
            outputs = module(pictures)
        return targets.loss(outputs.float(), tuple(t[rows] for t in truth)), {}

    outcome = training.pretrain("feature", module, loss_of, recipe.budget(), resume=resume, progress=progress)
    scores = score_feature(module, targets, world)
    return _save(folder, net, FEATURE_NET, world, recipe, outcome, scores)


def pretrain_resnet(world: World, folder: Path, recipe: NetRecipe = RESNET_RECIPE, *, resume: bool = False,
                    progress=None) -> dict:
    """Train the self-supervised net on two views of each picture and save it; as `pretrain_feature`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = SmallNet(RESNET)
        expander = nn.Sequential(nn.Linear(net.n_dims, 512), nn.BatchNorm1d(512), nn.ReLU(),
                                 nn.Linear(512, 512))
        module = nn.ModuleDict({"net": net, "expander": expander})
    module.to(memory_format=torch.channels_last).train()

    def loss_of(step: int) -> tuple[Tensor, dict]:
        rng = np.random.default_rng([recipe.seed, 1, step])
        rows = np.sort(rng.choice(len(world.train), recipe.batch, replace=False))
        pixels = world.pictures[rows]
        both = torch.cat([views(pixels, rng, crop=recipe.crop, colour=0.3, grain=0.06, flip=True)
                          for _ in range(2)])
        with training.mixed_precision("bfloat16"):
            embeddings = module["expander"](net(both))
        parts = vicreg(*embeddings.float().chunk(2))
        return sum(parts.values()), {k: round(float(v.detach()), 3) for k, v in parts.items()}

    outcome = training.pretrain("resnet", module, loss_of, recipe.budget(), resume=resume, progress=progress)
    return _save(folder, net, RESNET, world, recipe, outcome, score_resnet(net, world))


def views(pixels: np.ndarray, rng: np.random.Generator, *, crop: float, colour: float = 0.1,
          grain: float = 0.02, flip: bool = False) -> Tensor:
    """Pictures cropped, tinted, grainy and perhaps flipped: (n, h, w, 3) uint8 -> N3HW in about [-1, 1]."""
    x = unit_range(pixels)
    n = len(x)
    scale = 1 - crop * rng.random(n)
    theta = np.zeros((n, 2, 3), np.float32)
    theta[:, 0, 0] = scale * (np.where(rng.random(n) < 0.5, -1, 1) if flip else 1)
    theta[:, 1, 1] = scale
    theta[:, :, 2] = (1 - scale)[:, None] * rng.uniform(-1, 1, (n, 2))
    grid = F.affine_grid(torch.from_numpy(theta), list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    gain = 1 + colour * (rng.uniform(-1, 1, (n, 1, 1, 1)) + rng.uniform(-0.5, 0.5, (n, 3, 1, 1)))
    noise = grain * 2 * rng.standard_normal(x.shape, dtype=np.float32)
    x = (x + 1) * torch.from_numpy(gain.astype(np.float32)) - 1 + torch.from_numpy(noise)
    return x.contiguous(memory_format=torch.channels_last)


def score_feature(module: nn.Module, targets: Targets, world: World) -> dict:
    """Score the predicted factors of held-out scenes: AUC of presence, accuracy of kinds, r^2 of numbers."""
    from sklearn.metrics import r2_score, roc_auc_score
    module.eval()
    rows = world.held_out
    with torch.no_grad():
        outputs = torch.cat([module(unit_range(world.pictures[some])) for some in np.array_split(rows, 6)])
    present, numbers, *kinds = outputs.split(targets.sizes, 1)
    truth = targets.of(world.factors.iloc[rows])
    enough = [k for k in range(present.shape[1]) if 10 <= truth[0][:, k].sum() <= len(rows) - 10]
    aucs = [roc_auc_score(truth[0][:, k], present[:, k]) for k in enough]
    scores = {"category_auc": np.mean(aucs or np.nan)}
    scores |= {f"r2_{name}": r2_score(truth[1][:, k], numbers[:, k]) for k, name in enumerate(SMOOTH)}
    scores |= {f"accuracy_{name}": float((guess.argmax(1) == right).float().mean())
               for name, guess, right in zip(KINDS, kinds, truth[2:])}
    return {k: round(float(v), 4) for k, v in scores.items()}


def score_resnet(net: SmallNet, world: World, n: int = 300) -> dict:
    """Share of held-out pictures nearest to their own other view among n (chance 1 / n), by pooled features."""
    net.eval()
    rng = np.random.default_rng(0)
    pixels = world.pictures[world.held_out[:n]]
    with torch.no_grad():
        a, b = (F.normalize(_centred(net(views(pixels, rng, crop=0.3, colour=0.3, grain=0.06))), dim=1)
                for _ in range(2))
    right = (a @ b.T).argmax(1) == torch.arange(len(a))
    return {"same_picture_top1": round(float(right.float().mean()), 4), "n": len(a)}


def _save(folder: Path, net: SmallNet, config: NetConfig, world: World, recipe: NetRecipe, outcome: dict,
          scores: dict) -> dict:
    card = {"architecture": config.asdict(), "recipe": asdict(recipe) | {"steps": outcome["steps"]},
            "data": world.card_entry(), "seed": recipe.seed, "minutes": outcome["minutes"],
            "hardware": training.hardware(), "scores": scores, "curve": outcome["curve"]}
    return weights.save_part(folder, net.state_dict(), card)


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


def _floats(table: pd.DataFrame) -> Tensor:
    return torch.from_numpy(np.array(table, dtype=np.float32))
