"""Compile what a training computes (torch.compile), where that is asked for: fewer passes over memory, other last bits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

_LOG = logging.getLogger(__name__)
BACKEND = "inductor"    # torch's own


class Compiler:
    """Compiles functions and modules at their first call; one that is not `compiled` leaves all as it is.

    Parameters
    ----------
    compiled : bool
    device : str
        Where they will compute.

    Raises ValueError where torch cannot compile for the device, which adding two numbers finds out.
    """

    def __init__(self, compiled: bool = False, device: str = "cpu"):
        self.compiled = compiled
        if compiled:
            _try_out(device)

    def function(self, call: Callable) -> Callable:
        """The function, compiled for each new shape of its arguments."""
        return torch.compile(call, backend=BACKEND, dynamic=False) if self.compiled else call

    def module(self, net: nn.Module) -> None:
        """Have a module compiled in place; its parameters keep their names."""
        if self.compiled:
            net.compile(backend=BACKEND, dynamic=False)

    def as_written(self) -> AbstractContextManager:
        """A context in which what is compiled computes as it was written: for second derivatives, which compiling cannot give."""
        return torch.compiler.set_stance("force_eager") if self.compiled else nullcontext()

    def tell(self, seconds: float) -> None:
        """Say how long a training's first step took, in which all is compiled."""
        if self.compiled:
            _LOG.info("compiled within the first step, which took %.0f s", seconds)


EAGER = Compiler()


def _try_out(device: str) -> None:
    try:
        torch.compile(lambda x: x + 1, backend=BACKEND, dynamic=False)(torch.ones(2, device=device))
    except Exception as problem:    # of torch, of the compiler, or of what either needs
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        raise ValueError(f"found no way to compile for device {device!r} ({reason}); expected a compiler that torch can use, on a "
                         "processor g++ or clang++; install one, or train without `compiled`") from problem
