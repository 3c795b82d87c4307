"""Run functions in several processes, from any program: a script, `python -c`, standard input, a notebook, `python -m`.

The processes that Python's `multiprocessing` starts first run the program's own file again, up to its line
`if __name__ == "__main__":`. Where a program has no such line they do all its work again, and may wait for ever for a file
that the program itself holds. The processes that are started here know nothing of the program: each is a Python that imports
what it is sent by name, and a thread of the program talks with it.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import TypeVar

__all__ = ["Pool", "as_finished", "how_many", "in_processes", "interrupts_blocked", "peak_bytes", "return_freed_memory"]

Item, Result = TypeVar("Item"), TypeVar("Result")
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR")} | {
    "VECLIB_MAXIMUM_THREADS": "1"}
_WORTH_IT = 200     # items; below, starting processes takes longer than the work
_AHEAD = 4          # chunks for each process that may be under way or wait to be taken
_SECONDS = 0.5      # between two looks whether the program is still there


def how_many(n_items: int, most: int | None = None) -> int:
    """How many processes so many pictures or scenes are worth.

    Parameters
    ----------
    n_items : int
    most : int, optional
        No more than that.

    Returns
    -------
    int
        1 for less than 200; else one for each processor that this program may use, which can be fewer than there are.
    """
    return 1 if n_items < _WORTH_IT else min(_processors(), most or n_items)


def peak_bytes(*, children: bool = False) -> int:
    """The most memory that this process has held so far; with `children`, that of the largest process that it has ended.

    The system counts in bytes on macOS, and in kilobytes elsewhere.
    """
    import resource     # not on every system

    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def return_freed_memory() -> None:
    """Give the system back what this process has freed; without effect where the C library is not glibc.

    glibc keeps it where it lies between arrays that are still there, and all of it once a training has asked for that
    (`training.keep_freed_memory`): 4 GB after one of the generator at the paper's size.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Ctrl-C waits until the end of the statement; a process that is started meanwhile gets none until it asks for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def in_processes(function: Callable[[Item], Result], items: Iterable[Item], n: int, *, chunk: int = 1,
                 one_thread: bool = True) -> Iterator[Result]:
    """What a function says of each item, in the order of the items, worked out in several processes.

    Results that nobody takes hold the processes up, so that few lie in memory. Close the iterator
    (`contextlib.closing`) where you may leave before its end: that stops the processes at once.

    Parameters
    ----------
    function : callable
        Of one item; a module's function, or a `functools.partial` of one. It, the items and the results are pickled.
    items : iterable
    n : int
        How many processes; with 1, all is worked out in this one.
    chunk : int
        How many items a process is sent at a time; more than 1 where an item takes less than about 50 ms.
    one_thread : bool
        Whether each of several processes computes on one thread, so that they do not get into each other's way; if not,
        on as many as its libraries think best.

    Yields
    ------
    object
        The result of the next item.

    Raises
    ------
    Exception
        Whatever the function raised, with a note of where; the other processes are stopped.
    concurrent.futures.process.BrokenProcessPool
        A process was killed, for example because memory ran out.
    ValueError
        n is less than 1, or the function is one of the program itself, which the processes cannot import.
    """
    items = list(items)
    n = min(_checked(n), -(-len(items) // chunk))
    if n <= 1:
        yield from map(function, items)
        return
    _check_origin(function)
    with Pool(n, one_thread=one_thread) as pool:
        waiting: deque[Future] = deque()
        for start in range(0, len(items), chunk):
            waiting.append(pool.submit(_each, function, items[start:start + chunk]))
            if len(waiting) >= _AHEAD * n:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def as_finished(function: Callable[[Item], Result], items: Iterable[Item], n: int, *,
                one_thread: bool = True) -> Iterator[tuple[Item, Result]]:
    """Each item with what a function says of it, whichever is ready first.

    For few items that take long; parameters and errors as of `in_processes`.

    Yields
    ------
    item, result
    """
    items = list(items)
    n = min(_checked(n), len(items))
    if n <= 1:
        yield from ((item, function(item)) for item in items)
        return
    with Pool(n, one_thread=one_thread) as pool:
        under_way = {pool.submit(function, item): item for item in items}
        for done in as_completed(under_way):
            yield under_way.pop(done), done.result()


class Pool:
    """Processes for work that the functions above do not fit; use it in a `with` statement.

    An error, an interruption or the end of this program, however it ends, stops the processes at once. Otherwise the
    statement ends when all is done that was submitted.

    Parameters
    ----------
    n : int
        How many processes.
    one_thread : bool
        As of `in_processes`.
    """

    def __init__(self, n: int, *, one_thread: bool = True):
        self._jobs: SimpleQueue = SimpleQueue()
        self._helpers = [_Helper(os.environ | (_ONE_THREAD if one_thread else {})) for _ in range(_checked(n))]
        self._threads = [threading.Thread(target=self._keep_busy, args=(helper,), daemon=True) for helper in self._helpers]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Result], *arguments) -> Future[Result]:
        """The future result of a module's function, which the next process that is free works out."""
        _check_origin(function)
        future: Future = Future()
        self._jobs.put((future, function, arguments))
        return future

    def _keep_busy(self, helper: _Helper) -> None:
        while job := self._jobs.get():
            future, function, arguments = job
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(helper.ask(function, arguments))
                except BaseException as error:
                    future.set_exception(error)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind:
            with suppress(Empty):
                while True:
                    self._jobs.get_nowait()[0].cancel()
            for helper in self._helpers:
                helper.process.kill()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        for helper in self._helpers:
            helper.line.close()
        for helper in self._helpers:
            helper.process.wait()


class _Helper:
    """Another process, and the line to it."""

    def __init__(self, environment: dict[str, str]):
        mine, theirs = socket.socketpair()
        code = ("import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
                f"signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT]); sys.path[:] = {list(map(str, sys.path))!r}; "
                f"from {__name__} import _serve; _serve({theirs.fileno()}, {os.getpid()})")
        with theirs, interrupts_blocked():      # until the process says that it ignores them: one would end Python's start
            self.process = subprocess.Popen([sys.executable, "-P", "-c", code], env=environment, stdin=subprocess.DEVNULL,
                                            pass_fds=[theirs.fileno()])
        self.line = Connection(mine.detach())

    def ask(self, function: Callable[..., Result], arguments: tuple) -> Result:
        """The function's result there, or its exception."""
        question = pickle.dumps((function, arguments))
        try:
            self.line.send_bytes(question)
            answer = self.line.recv_bytes()
        except (EOFError, OSError):
            raise BrokenProcessPool(f"a process ended with status {self.process.wait()}, expected an answer; "
                                    "-9 says that it was killed, as where memory runs out") from None
        result, error = pickle.loads(answer)
        if error is not None:
            raise error
        return result


def _serve(descriptor: int, program: int) -> None:
    """What a process does: answer until the line is closed. Ctrl-C reaches it too, but the program is who stops it."""
    threading.Thread(target=_end_with, args=(program,), daemon=True).start()
    with Connection(descriptor) as line:
        while True:
            try:
                question = line.recv_bytes()
            except (EOFError, OSError):
                return
            line.send_bytes(_answer(question))


def _answer(question: bytes) -> bytes:
    try:
        function, arguments = pickle.loads(question)
        return pickle.dumps((function(*arguments), None))
    except Exception as error:
        error.add_note(f"In process {os.getpid()}:\n{traceback.format_exc()}")
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            error = RuntimeError("".join(traceback.format_exception(error)))    # one that cannot be sent
        return pickle.dumps((None, error))


def _end_with(program: int) -> None:
    """End this process when the program is gone: one that is killed cannot say goodbye."""
    while os.getppid() == program:
        time.sleep(_SECONDS)
    os._exit(1)


def _each(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]


def _check_origin(function: Callable) -> None:
    if getattr(getattr(function, "func", function), "__module__", None) == "__main__":
        raise ValueError(f"got {function}, expected a function that a module has: the processes do not run the program "
                         "itself; put it into a file that can be imported")


def _checked(n: int) -> int:
    if n < 1:
        raise ValueError(f"got {n} processes, expected 1 or more")
    return n


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
