"""Run many cases in a process of their own, so that not even its death goes unseen."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from mindreader.nsd import load_subject

from . import coco_files, nsd_files
from .oracle import CONFIGS, SECONDS, Kind, Outcome, _said, all_pairs, limit_memory, sound_tree, try_case, values

KINDS: tuple[Kind, ...] = (*nsd_files.KINDS, *coco_files.KINDS)


def outcomes(numbers: Iterable[int], seed: int = 0, kinds: tuple[Kind, ...] = KINDS, root: Path | None = None) -> Iterator[Outcome]:
    """What came of each of these cases, on a sound tree at `root`, or on one that is made first."""
    with tempfile.TemporaryDirectory() as folder:
        root = root or sound_tree(Path(folder))
        with _said():
            sound = [values(load_subject(root, "subj01", config)) for config in CONFIGS]
        left = list(numbers)
        while left:
            mine, theirs = multiprocessing.get_context("fork").Pipe()
            worker = multiprocessing.get_context("fork").Process(
                target=_work, args=(theirs, left, seed, root, Path(folder) / "copy", kinds, sound), daemon=True)
            worker.start()
            theirs.close()
            try:
                while left:
                    if not mine.poll(3 * SECONDS):
                        raise TimeoutError
                    yield mine.recv()
                    left.pop(0)
            except (EOFError, TimeoutError) as problem:
                worker.kill()
                worker.join()
                what = f"the process died ({worker.exitcode})" if isinstance(problem, EOFError) else "the process hung"
                kind, damage = all_pairs(kinds)[(left[0] + seed) % len(all_pairs(kinds))]
                yield Outcome(left.pop(0), f"{damage.name} of {kind.glob}", "died", what)
            worker.join(1)


def _work(pipe, numbers, seed, root, copy, kinds, sound) -> None:
    limit_memory()
    for number in numbers:
        pipe.send(try_case(number, seed, root, copy, kinds, sound))


def counts(done: list[Outcome]) -> str:
    """How often each came of each damage, one line for each, and the sum."""
    results = sorted({o.result for o in done})
    rows = {"all": Counter(o.result for o in done)}
    for o in done:
        rows.setdefault(o.what.split(" with ")[0].split(" of ")[0], Counter())[o.result] += 1
    lines = ["".join(f"{x:>18}" for x in results) + "  damage"]
    for name in sorted(rows, key=lambda n: (n == "all", n)):
        lines.append("".join(f"{rows[name][x]:>18}" for x in results) + f"  {name}")
    return "\n".join(lines)
