"""One training loop for every pretrained part: a budget in minutes, checkpoints that survive a kill, a curve."""

from __future__ import annotations

import logging
import math
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from . import paths
from .records import Diverged

log = logging.getLogger(__name__)
SAVE_EVERY = 120.0  # seconds between checkpoints


def checkpoint_path(part: str) -> Path:
    """Where the unfinished training of a part is kept, outside the repository."""
    return paths.home() / "pretrain" / f"{part}.pt"


def learn(part: str, module: nn.Module, loss_of: Callable[[int], tuple[Tensor, dict]], *, minutes: float,
          learning_rate: float, weight_decay: float, warm_up: float = 0.04, resume: bool = False,
          score: Callable[[], dict] | None = None, score_every: float = 240.0, progress=None) -> dict:
    """Train a module by AdamW for so many minutes, with warm-up and a cosine to zero over that time.

    Parameters
    ----------
    part : str
        Name of the checkpoint.
    module : nn.Module
        Trained in place; matrices and kernels decay, all else does not.
    loss_of : callable
        step number -> (loss, numbers for the curve); must draw its batch from the step number alone.
    minutes : float
        Time spent in the loop, earlier tries of a resumed training included.
    learning_rate, weight_decay, warm_up : float
        Peak rate, AdamW's decay, and the share of the time in which the rate rises.
    resume : bool
        Go on from the part's checkpoint if there is one.
    score : callable, optional
        Numbers for the curve, computed every `score_every` seconds, not counted as training time.
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
    matrices = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": weight_decay},
                                   {"params": others, "weight_decay": 0.0}], lr=learning_rate, betas=(0.9, 0.98))
    state = {"step": 0, "seconds": 0.0, "curve": []}
    path = checkpoint_path(part)
    if resume and path.is_file():
        saved = torch.load(path, weights_only=True)
        module.load_state_dict(saved["module"])
        optimizer.load_state_dict(saved["optimizer"])
        state = saved["state"]
    bar = (progress or _plain)(range(100), desc=part, total=100)
    marks, budget = iter(bar), 60 * minutes
    done, saved_at, scored_at, recent = 0, state["seconds"], state["seconds"], []
    while state["seconds"] < budget:
        started = time.perf_counter()
        share = state["seconds"] / budget
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(share / warm_up, 0.5 + 0.5 * math.cos(math.pi * share))
        loss, extra = loss_of(state["step"])
        if not torch.isfinite(loss):
            raise Diverged(f"found a loss of {float(loss.detach())} for the part '{part}' at step {state['step']}, expected a "
                           "finite number; lower the learning rate")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        recent.append(float(loss.detach()))
        state["step"] += 1
        state["seconds"] += time.perf_counter() - started
        while done < min(100 * state["seconds"] / budget, 100):
            next(marks, None)
            done += 1
        if len(recent) == 25:
            state["curve"].append({"step": state["step"], "minute": round(state["seconds"] / 60, 2),
                                   "loss": round(sum(recent) / 25, 4)} | extra)
            log.info("%s %s", part, state["curve"][-1])
            recent = []
        if state["seconds"] - saved_at > SAVE_EVERY:
            _save(path, module, optimizer, state)
            saved_at = state["seconds"]
        if score and state["seconds"] - scored_at > score_every:
            state["curve"].append({"step": state["step"], "minute": round(state["seconds"] / 60, 2)} | score())
            log.info("%s %s", part, state["curve"][-1])
            scored_at = state["seconds"]
            module.train()
    _save(path, module, optimizer, state)
    return {"minutes": round(state["seconds"] / 60, 1), "steps": state["step"], "curve": state["curve"]}


def hardware() -> str:
    """The machine in words, for a card."""
    return f"{platform.machine()} CPU, {torch.get_num_threads()} of {os.cpu_count()} threads, torch {torch.__version__}"


def _save(path: Path, module: nn.Module, optimizer, state: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    torch.save({"module": module.state_dict(), "optimizer": optimizer.state_dict(), "state": state}, temporary)
    os.replace(temporary, path)


def _plain(rows, **_):
    return rows
