"""Work in several processes, from any program: a script, `python -c`, standard input, a notebook, `python -m`.

The processes that Python's `multiprocessing` starts first run the program's own file again, up to its line
`if __name__ == "__main__":`. Where a program has no such line they do all its work again, and may wait for ever for a file
that the program itself holds. The processes that are started here begin with nothing and are sent what they are to do (they
are loky's, of joblib).
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, as_completed
from contextlib import contextmanager, suppress
from typing import TypeVar

from joblib import cpu_count
from joblib.externals.loky import ProcessPoolExecutor, process_executor

__all__ = ["as_finished", "how_many", "in_processes", "pool"]

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
    return 1 if n_items < _WORTH_IT else min(cpu_count(), most or n_items)


def in_processes(function: Callable[[Item], Result], items: Iterable[Item], n: int, *, chunk: int = 1,
                 one_thread: bool = True) -> Iterator[Result]:
    """What a function says of each item, in the order of the items, worked out in several processes.

    Results that nobody takes hold the processes up, so that few lie in memory. Close the iterator
    (`contextlib.closing`) where you may leave before its end: that stops the processes at once.

    Parameters
    ----------
    function : callable
        Of one item. It, the items and the results are pickled.
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
        Whatever the function raised, with the place in the process as its cause. The other processes are stopped.
    concurrent.futures.process.BrokenProcessPool
        A process was killed, for example because memory ran out.
    """
    items = list(items)
    n = min(_checked(n), -(-len(items) // chunk))
    if n <= 1:
        yield from map(function, items)
        return
    with pool(n, one_thread=one_thread) as workers:
        waiting: deque = deque()
        for start in range(0, len(items), chunk):
            waiting.append(workers.submit(_each, function, items[start:start + chunk]))
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
    with pool(n, one_thread=one_thread) as workers:
        under_way = {workers.submit(function, item): item for item in items}
        for done in as_completed(under_way):
            yield under_way.pop(done), done.result()


@contextmanager
def pool(n: int, *, one_thread: bool = True) -> Iterator[Executor]:
    """An executor of `n` processes that do not run the program again; for work that the functions above do not fit.

    An error, an interruption or the end of this program, however it ends, stops the processes at once.
    """
    workers = ProcessPoolExecutor(_checked(n), initializer=_begin, initargs=(os.getpid(),),
                                  env=_ONE_THREAD if one_thread else None)
    try:
        yield workers
    except BaseException:
        _drop_what_waits(workers)
        workers.shutdown(kill_workers=True)
        raise
    workers.shutdown()


def _drop_what_waits(workers: ProcessPoolExecutor) -> None:
    """Take back what no process has begun: loky's thread fails over it, with a traceback, when it is told to stop."""
    with suppress(queue.Empty):
        while True:
            workers._work_ids.get_nowait()


def _checked(n: int) -> int:
    if n < 1:
        raise ValueError(f"got {n} processes, expected 1 or more")
    return n


def _each(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]


def _begin(program: int) -> None:
    """What a process does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)    # Ctrl-C reaches all; the program stops the others, without their noise
    process_executor._USE_PSUTIL = False            # else loky replaces, and warns of, processes that grow by 300 MB
    threading.Thread(target=_end_with, args=(program,), daemon=True).start()


def _end_with(program: int) -> None:
    """End this process when the program is gone: one that is killed cannot say goodbye."""
    while os.getppid() == program:
        time.sleep(_SECONDS)
    os._exit(1)
