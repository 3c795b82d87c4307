"""Fit mappers, encoders and classifiers: phases, a decaying learning rate, the best validation loss kept, resumable."""

from __future__ import annotations

import copy
import hashlib
import logging
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..core import atomic_write
from ..records import Diverged, LayoutError
from .memory import keep_freed_memory
from .precision import mixed_precision

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Phase:
    """A phase of training: the loss and its name in messages, epochs, batch size.

    auxiliary: whether the auxiliary network takes part; its term is added to `loss`, in training only.
    """

    name: str
    loss: Callable[[Tensor, Tensor], Tensor]
    epochs: int
    batch: int
    auxiliary: bool = False


@dataclass(frozen=True)
class Schedule:
    """Adam, made anew with a lower learning rate every `decay_every` epochs as in the released code: its moments restart.

    fused: it goes over the weights once in a step, to the same numbers but for rounding. In a network of few large matrices more
    than half of a step is Adam's otherwise.
    """

    learning_rate: float
    lr_decay: float
    decay_every: int
    weight_decay: float
    fused: bool = False


@dataclass(frozen=True)
class Task:
    """Training inputs (n, ...), targets drawn anew in each epoch, and a fixed validation set."""

    inputs: Tensor
    draw: Callable[[np.random.Generator], Tensor]
    validation_inputs: Tensor
    validation_targets: Tensor


class AuxiliaryNetwork(nn.Module):
    """A network that is trained together with the fitted one and adds a term, times `weight`, to its loss.

    `fit` calls `begin` where it makes its own optimizer anew, and in each step `term`, then `finish` once the gradients
    of the whole loss are computed. By default the term is the auxiliary network's own loss too.
    """

    optimizer: torch.optim.Optimizer
    weight = 1.0

    def begin(self, learning_rate: float, weight_decay: float) -> None:
        """Make the optimizer."""
        self.optimizer = torch.optim.Adam(self.parameters(), learning_rate, weight_decay=weight_decay)

    def term(self, predicted: Tensor, target: Tensor) -> Tensor:
        """A scalar with a gradient in `predicted`; both (B, n_dims). Clears this network's gradients."""
        raise NotImplementedError

    def finish(self) -> None:
        """Take the optimizer's step."""
        self.optimizer.step()


def fit(network: nn.Module, task: Task, phases: Sequence[Phase], schedule: Schedule, *, seed: int, device: str = "cpu",
        precision: str = "float32", auxiliary: AuxiliaryNetwork | None = None, trained: pd.DataFrame | None = None,
        checkpoint: Path | None = None, identity: str = "", progress: Callable[..., Iterable] | None = None,
        desc: str = "fit") -> pd.DataFrame:
    """Train `network` in place; it ends with the weights of the last phase's lowest validation loss.

    Each phase starts from the best weights of the phase before. The order of rows, the drawn targets and dropout in an
    epoch follow from (seed, phase, epoch) alone, so a killed run continues from `checkpoint` to the same bits.

    Parameters
    ----------
    auxiliary : AuxiliaryNetwork, optional
        Trained too, in the phases that say so; its term is in neither loss of the table.
    trained : table, optional
        Result of an earlier fit that stopped after one of these phases, its weights now in `network`; these epochs are
        not repeated.
    checkpoint : Path, optional
        Written atomically after every epoch; an existing one is resumed if its `identity` is this run's.
    precision : "float32" or "bfloat16"
        Of the products (see `precision.compute_dtype`); weights and losses are in float32.

    Returns
    -------
    table
        phase, epoch, learning_rate, train_loss, validation_loss, best; one row per epoch.

    Raises Diverged where a loss is not finite, ValueError for a checkpoint of another run or an earlier fit that stopped
    within a phase, LayoutError for a checkpoint that cannot be read.
    """
    keep_freed_memory()
    for module in (network, auxiliary) if auxiliary else (network,):
        module.to(device)
    task = Task(task.inputs.to(device), task.draw, task.validation_inputs.to(device), task.validation_targets.to(device))
    state = _resume(checkpoint, identity, network, auxiliary) or {
        "done": _whole_phases(trained, phases), "history": [] if trained is None else trained.to_dict("records"),
        "best_loss": float("inf"), "best": copy.deepcopy(network.state_dict()), "optimizer": None}
    epochs = [(number, epoch) for number, phase in enumerate(phases) for epoch in range(phase.epochs)]
    todo = epochs[state["done"]:]
    optimizer = None
    for number, epoch in (progress(todo, desc=desc, total=len(todo)) if progress else todo):
        phase = phases[number]
        if epoch == 0:
            network.load_state_dict(state["best"])
            state["best_loss"] = float("inf")
        rate = schedule.learning_rate * schedule.lr_decay ** (epoch // schedule.decay_every)
        if optimizer is None or epoch % schedule.decay_every == 0:
            optimizer = _optimizer(network, auxiliary, rate, schedule, state if epoch % schedule.decay_every else {})
        rng = np.random.default_rng([seed, number, epoch])
        train_loss = _one_epoch(network, optimizer, task, phase, rng, precision, state["done"],
                                auxiliary if phase.auxiliary else None)
        loss = _validation_loss(network, task, phase, precision, state["done"])
        better = loss < state["best_loss"]
        if better:
            state.update(best_loss=loss, best=copy.deepcopy(network.state_dict()))
        state["done"] += 1
        state["history"].append({"phase": number + 1, "epoch": state["done"], "learning_rate": rate,
                                 "train_loss": train_loss, "validation_loss": loss, "best": better})
        log.info("%s: epoch %d, train %.4f, validation %.4f", desc, state["done"], train_loss, loss)
        if checkpoint:
            with atomic_write(checkpoint) as part:
                torch.save(state | {"identity": identity} | _weights(network, optimizer, auxiliary), part)
    network.load_state_dict(state["best"])
    return pd.DataFrame(state["history"], columns=["phase", "epoch", "learning_rate", "train_loss", "validation_loss",
                                                   "best"])


def new_network(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A freshly initialised network that depends on `seed` alone; the caller's random state is left untouched.

    >>> all(torch.equal(*pair) for pair in zip(*(new_network(lambda: nn.Linear(2, 1), 7).parameters() for _ in range(2))))
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def in_batches(network: nn.Module, inputs: np.ndarray, batch: int = 256) -> np.ndarray:
    """A network's outputs for (n, ...) inputs, as (n, ...) float32, in evaluation mode and full precision."""
    device = next(network.parameters()).device
    network.eval()
    with torch.inference_mode():
        parts = [network(as_tensor(inputs[i:i + batch]).to(device)).float().cpu().numpy()
                 for i in range(0, len(inputs), batch)]
    if not parts:
        raise ValueError("got no rows to predict from, expected at least one; was a selection empty?")
    return np.concatenate(parts)


def as_tensor(array: np.ndarray) -> Tensor:
    """A float32 tensor that shares an array's memory where it can, and is only read: records' arrays are read-only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(array, np.float32))


def identity_of(*parts) -> str:
    """A fingerprint of settings and arrays, so that a checkpoint is never continued with other data."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def _optimizer(network: nn.Module, auxiliary: AuxiliaryNetwork | None, rate: float, schedule: Schedule,
               left: dict) -> torch.optim.Optimizer:
    """New Adam for the network, and the auxiliary network's own; with the moments of a checkpoint (`left`), if any."""
    optimizer = torch.optim.Adam(network.parameters(), rate, weight_decay=schedule.weight_decay, fused=schedule.fused or None)
    if auxiliary:
        auxiliary.begin(rate, schedule.weight_decay)
    if left.get("optimizer"):
        optimizer.load_state_dict(left["optimizer"])
        if auxiliary:
            auxiliary.optimizer.load_state_dict(left["auxiliary_optimizer"])
    return optimizer


def _weights(network: nn.Module, optimizer: torch.optim.Optimizer, auxiliary: AuxiliaryNetwork | None) -> dict[str, dict]:
    """The networks' and optimizers' states, for a checkpoint."""
    extra = {"auxiliary": auxiliary.state_dict(), "auxiliary_optimizer": auxiliary.optimizer.state_dict()} \
        if auxiliary else {}
    return {"network": network.state_dict(), "optimizer": optimizer.state_dict()} | extra


def _batches(n: int, size: int, order: Tensor | None = None) -> Iterable[Tensor]:
    order = torch.arange(n) if order is None else order
    return order.split(size)


def _one_epoch(network, optimizer, task: Task, phase: Phase, rng, precision: str, epoch: int,
               auxiliary: AuxiliaryNetwork | None) -> float:
    network.train()
    if auxiliary:
        auxiliary.train()
    n, device = len(task.inputs), task.inputs.device
    targets = task.draw(rng).to(device)
    order = torch.from_numpy(rng.permutation(n)).to(device)
    total = 0.0
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(rng.integers(2 ** 31)))
        for step, rows in enumerate(_batches(n, phase.batch, order)):
            optimizer.zero_grad(set_to_none=True)
            with mixed_precision(precision, device):
                predicted = network(task.inputs[rows])
            predicted = predicted.float()
            loss = phase.loss(predicted, targets[rows])
            value = whole = loss.item()
            if auxiliary:
                loss = loss + auxiliary.weight * auxiliary.term(predicted, targets[rows])
                whole = loss.item()
            _check(whole, phase, f"step {step + 1} of epoch {epoch + 1}")
            loss.backward()
            optimizer.step()
            if auxiliary:
                auxiliary.finish()
            total += value * len(rows)
    # ReLU on a number's bits (`bfloat16`) turns a negative NaN into 0, so the loss alone does not show it
    if not all(weight.isfinite().all() for weight in network.parameters()):
        raise Diverged(f"the loss '{phase.name}' left weights that are not finite in epoch {epoch + 1}, expected numbers; "
                       "lower the learning rate or look for values that are not finite in the input")
    return total / n


@torch.inference_mode()
def _validation_loss(network, task: Task, phase: Phase, precision: str, epoch: int) -> float:
    network.eval()
    n, device, total = len(task.validation_inputs), task.inputs.device, 0.0
    for rows in _batches(n, phase.batch):
        with mixed_precision(precision, device):
            predicted = network(task.validation_inputs[rows])
        total += phase.loss(predicted.float(), task.validation_targets[rows]).item() * len(rows)
    _check(total, phase, f"the validation of epoch {epoch + 1}")
    return total / n


def _check(value: float, phase: Phase, where: str) -> None:
    if not np.isfinite(value):
        raise Diverged(f"the loss '{phase.name}' became {value} at {where}, expected a finite number; "
                       "lower the learning rate or look for values that are not finite in the input")


def _whole_phases(trained: pd.DataFrame | None, phases: Sequence[Phase]) -> int:
    done, ends = 0 if trained is None else len(trained), np.cumsum([0, *(phase.epochs for phase in phases)])
    if done not in ends:
        raise ValueError(f"got an earlier fit of {done} epochs, expected one that ends with a phase, after one of "
                         f"{', '.join(map(str, ends))} epochs; fit its phases whole")
    return done


def _resume(path: Path | None, identity: str, network: nn.Module, auxiliary: AuxiliaryNetwork | None) -> dict | None:
    if path is None or not Path(path).exists():
        return None
    try:
        state = torch.load(path, weights_only=True, map_location=next(network.parameters()).device)
    except Exception as error:
        raise LayoutError(f"checkpoint {path} cannot be read ({type(error).__name__}), expected one written by this "
                          "library; delete it to start again") from error
    if state["identity"] != identity:
        raise ValueError(f"checkpoint {path} belongs to another run (its settings, seed or data differ), expected this "
                         "one; delete it or give another path")
    network.load_state_dict(state["network"])
    if auxiliary:
        auxiliary.load_state_dict(state["auxiliary"])
    log.info("resumed %s after %d epochs", path, state["done"])
    return state
