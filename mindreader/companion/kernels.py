"""Let the kernel of a chapter end by itself when all cells are done, and with the run where that is terminated.

jupyter_client interrupts a kernel before it asks it to end, so that a busy one listens. One that has just finished its last
cell may still be tidying up, and reports the interrupt as an error on the console of a run that went well.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import weakref

import jupyter_client
from jupyter_client import AsyncKernelManager

TERMINATED = "terminated before its end; run it again to finish"
_RECEIVED: list[int] = []   # signals
_STARTED: weakref.WeakSet[KernelManager] = weakref.WeakSet()


class KernelManager(AsyncKernelManager):
    """As jupyter_client's, which still ends a kernel that does not listen, but interrupts none that is asked to end."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **settings) -> None:
        self.is_launched = False
        _STARTED.add(self)
        try:
            await super()._async_launch_kernel(kernel_cmd, **settings)
        finally:
            self.is_launched = True
        if _RECEIVED:
            raise SystemExit(TERMINATED)

    async def _async_interrupt_kernel(self) -> None:
        if not self.shutting_down:
            await super()._async_interrupt_kernel()

    interrupt_kernel = _async_interrupt_kernel


def use_for_papermill() -> None:
    """Let the papermill command of this process start its kernels so; it has no option for that."""
    jupyter_client.AsyncKernelManager = KernelManager


def end_when_terminated() -> None:
    """From now on let SIGTERM end this process and its kernels with one sentence, after all that it has to tidy up.

    Whoever started it sees that the signal ended it, as without this. A second one ends it at once.
    """
    def stop(number, frame):
        signal.signal(number, signal.SIG_DFL)
        logging.getLogger("asyncio").disabled = True    # which tells of each task that is left
        _RECEIVED.append(number)
        if all(manager.is_launched for manager in _STARTED):    # a process that is just being made is known to nobody yet
            raise SystemExit(TERMINATED)

    def end():
        if _RECEIVED:
            _end_kernels()
            sys.stdout.flush()
            os.kill(os.getpid(), _RECEIVED[0])

    atexit.register(end)
    signal.signal(signal.SIGTERM, stop)


def _end_kernels() -> None:
    """End those that no client ends, as it does not know them before they answer."""
    for manager in _STARTED:
        process = manager.provisioner and manager.provisioner.process
        if process and process.poll() is None:
            process.terminate()
            process.wait()
            manager.cleanup_connection_file()
