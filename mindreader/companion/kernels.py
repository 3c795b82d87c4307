"""Let the kernel of a chapter end by itself when all cells are done.

jupyter_client interrupts a kernel before it asks it to end, so that a busy one listens. One that has just finished its last
cell may still be tidying up, and reports the interrupt as an error on the console of a run that went well.
"""

from __future__ import annotations

import jupyter_client
from jupyter_client import AsyncKernelManager


class KernelManager(AsyncKernelManager):
    """As jupyter_client's, which still ends a kernel that does not listen, but interrupts none that is asked to end."""

    async def _async_interrupt_kernel(self) -> None:
        if not self.shutting_down:
            await super()._async_interrupt_kernel()

    interrupt_kernel = _async_interrupt_kernel


def use_for_papermill() -> None:
    """Let the papermill command of this process start its kernels so; it has no option for that."""
    jupyter_client.AsyncKernelManager = KernelManager
