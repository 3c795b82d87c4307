"""The pretraining loop of the shipped parts: AdamW for a budget of minutes, with checkpoints and a loss curve."""

from __future__ import annotations

import logging
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import core
from ..core import atomic_write
from ..records import Diverged

log = logging.getLogger(__name__)
SAVE_EVERY = 120.0  # seconds between checkpoints
CURVE_EVERY = 25  # steps between entries of the curve


@dataclass(frozen=True)
class Budget:
    """Minutes of training, AdamW's peak learning rate and weight decay, and the share of the time for warm-up."""

    minutes: float
    learning_rate: float
    weight_decay: float
    warm_up: float = 0.04

    def rate(self, seconds: float) -> float:
        """Learning rate after so many seconds: linear warm-up, then cosine decay to zero.

        >>> Budget(1, 0.1, 0.0, warm_up=0.1).rate(3.0)
        0.05
        """
        share = min(seconds / (60 * self.minutes), 1.0)
        return self.learning_rate * min(share / self.warm_up, 0.5 + 0.5 * math.cos(math.pi * share))


@dataclass
class _Progress:
    step: int = 0
    seconds: float = 0.0
    curve: list = field(default_factory=list)


def checkpoint_path(part: str) -> Path:
    """Where the unfinished training of a part is kept, outside the repository."""
    return core.home() / "pretrain" / f"{part}.pt"


def pretrain(part: str, module: nn.Module, loss_of: Callable[[int], tuple[Tensor, dict]], budget: Budget, *,
             resume: bool = False, score: Callable[[], dict] | None = None, score_every: float = 240.0,
             progress=None) -> dict:
    """Train a module by AdamW for a number of minutes.

    Parameters
    ----------
    part : str
        Name of the checkpoint.
    module : nn.Module
        Trained in place; weight decay acts on matrices and kernels alone.
    loss_of : callable
        step number -> (loss, numbers for the curve); must draw its batch from the step number alone.
    budget : Budget
        Minutes count the loop itself, those before a resumption included.
    resume : bool
        Continue from the part's checkpoint if there is one.
    score : callable, optional
        Gives further numbers for the curve, computed every `score_every` seconds, not counted as training time.
    progress : callable, optional
        As `params.progress`.

    Returns
    -------
    dict
        minutes, steps, and curve: a list of dicts with step, minute, loss and more.

    Raises
    ------
    Diverged
        A loss is not finite; says at which step.
    """
    optimizer = _optimizer(module, budget)
    path = checkpoint_path(part)
    now = _load(path, module, optimizer) if resume and path.is_file() else _Progress()
    bar = progress(total=100, desc=part) if progress else None
    saved_at, scored_at, recent = now.seconds, now.seconds, []
    while now.seconds < 60 * budget.minutes:
        started = time.perf_counter()
        loss, extra = _step(part, module, optimizer, loss_of, budget.rate(now.seconds), now.step)
        recent.append(loss)
        now.step += 1
        now.seconds += time.perf_counter() - started
        if len(recent) == CURVE_EVERY:
            _note(part, now, {"loss": round(sum(recent) / len(recent), 4)} | extra)
            recent = []
        if bar is not None:
            bar.update(min(100, int(100 * now.seconds / (60 * budget.minutes))) - bar.n)
        if now.seconds - saved_at > SAVE_EVERY:
            _save(path, module, optimizer, now)
            saved_at = now.seconds
        if score and now.seconds - scored_at > score_every:
            _note(part, now, score())
            scored_at = now.seconds
            module.train()
    _save(path, module, optimizer, now)
    if bar is not None:
        bar.close()
    return {"minutes": round(now.seconds / 60, 1), "steps": now.step, "curve": now.curve}


def hardware() -> str:
    """Processor, threads and torch version as one line of a model card."""
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} threads"
    return f"{platform.machine()} CPU, {threads}, torch {torch.__version__}"


def _optimizer(module: nn.Module, budget: Budget) -> torch.optim.AdamW:
    matrices = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": budget.weight_decay},
              {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=budget.learning_rate, betas=(0.9, 0.98))


def _step(part: str, module: nn.Module, optimizer, loss_of, rate: float, step: int) -> tuple[float, dict]:
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss, extra = loss_of(step)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise Diverged(f"found a loss of {value} for the part '{part}' at step {step}, expected a finite "
                       "number; lower the learning rate")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()
    return value, extra


def _note(part: str, now: _Progress, numbers: dict) -> None:
    now.curve.append({"step": now.step, "minute": round(now.seconds / 60, 2)} | numbers)
    log.info("%s %s", part, now.curve[-1])


def _save(path: Path, module: nn.Module, optimizer, now: _Progress) -> None:
    state = {"module": module.state_dict(), "optimizer": optimizer.state_dict(), "state": asdict(now)}
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def _load(path: Path, module: nn.Module, optimizer) -> _Progress:
    saved = torch.load(path, weights_only=True)
    module.load_state_dict(saved["module"])
    optimizer.load_state_dict(saved["optimizer"])
    return _Progress(**saved["state"])
