"""Write a report for people: one screen, each thing that is wrong once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from ..checkpoints import VARIABLE, weights_folder
from ..nsd import Inspected, Inspection
from .chapters import CHAPTERS
from .machine import Device
from .report import Report

__all__ = ["as_text", "bytes_in_words", "holes_in_words", "time_in_words"]

_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def as_text(report: Report) -> str:
    """The report, in lines."""
    numbers: dict[str, int] = {}       # a sentence -> its number, under which chapters name it
    for one in report.answers:
        for sentence in (*one.stops, *one.without):
            numbers.setdefault(sentence, len(numbers) + 1)
    return "\n".join([*_data(report), *_weights(report), *_machine(report), *_chapters(report, numbers), *_wrong(report, numbers),
                      *_fetches(report)])


def bytes_in_words(n_bytes: float) -> str:
    """A size with its unit, in powers of a thousand.

    >>> bytes_in_words(39_556_875_000), bytes_in_words(1_500), bytes_in_words(12)
    ('39.6 GB', '1.5 kB', '12 bytes')
    """
    return next((f"{n_bytes / size:.1f} {unit}" for size, unit in _UNITS if n_bytes >= size), f"{n_bytes:.0f} bytes")


def time_in_words(seconds: float) -> str:
    """A duration with its unit.

    >>> time_in_words(0.2), time_in_words(30.2), time_in_words(1000), time_in_words(86_400), time_in_words(float("nan"))
    ('< 1 s', '30 s', '17 min', '24 h', 'not known')
    """
    if not seconds >= 1:
        return "< 1 s" if seconds < 1 else "not known"
    size, unit = next(((size, unit) for size, unit in ((3600, "h"), (60, "min")) if seconds >= size), (1, "s"))
    return f"{seconds / size:.0f} {unit}"


def holes_in_words(numbers: Iterable[int]) -> str:
    """Ascending numbers, those in a row by their ends.

    >>> holes_in_words([3, 17, 18, 19, 21])
    '3, 17-19, 21'
    """
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


# ── part by part ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _data(report: Report) -> Iterator[str]:
    data, run = report.data, report.experiment
    if data is None:
        yield f"DATA      {run.subject}, simulated: nothing is needed, its files are made when it is first used"
        return
    label = {"nsd": "NSD", "twin": "a simulated subject's", "rehearsal": "a rehearsal's", "": "not there"}[data.origin]
    look = "everything was read" if data.is_thorough else "headers and small files were read; --thorough reads everything"
    yield f"DATA      {data.root}, {data.subject} ({label}); {look}"
    parts: dict[str, list[Inspected]] = {}
    for file in data.files:
        parts.setdefault(file.part, []).append(file)
    for part, group in parts.items():
        there = [file for file in group if file.n_bytes is not None]
        words = {state: sum(file.state == state for file in group) for state in ("damaged", "missing", "left out")}
        names = ", ".join(file.path.name for file in group if file.state in ("damaged", "missing"))[:90]
        more = "; ".join(f"{n} {state}" for state, n in words.items() if n and (part, state) != ("betas", "left out"))
        yield f"  {part:<15}{len(there):>3} of {len(group):<3}{bytes_in_words(sum(file.n_bytes for file in there)):>9}" + (
            f"  {more}{f' ({names})' if names else ''}" if more else "")
    there = [number for number, is_there in data.sessions.items() if is_there]
    lacking = [number for number, is_there in data.sessions.items() if not is_there]
    yield (f"  {len(there)} of {len(data.sessions)} sessions" + (f", not there: {holes_in_words(lacking)}" if lacking else "")
           + "".join(f"; {n:,} {what}" for what, n in data.counts.items()))
    yield from (f"  note: {note}" for note in data.notes)


def _weights(report: Report) -> Iterator[str]:
    try:
        folder = weights_folder()
    except (OSError, ValueError):
        folder = None
    yield f"WEIGHTS   {report.home / 'weights'} and {folder or f'${VARIABLE}, which names no folder'}"
    if report.weights_problem:
        yield f"  wrong: {report.weights_problem}"
    words = {True: "checksum as published", False: "checksum NOT as published", None: "no checksum is published"}
    for one in report.weights:
        if one.path is not None:
            yield f"  {one.name}: {one.problem or f'{words[one.is_as_published]} ({one.path})'}"
    missing = [f"{one.files[0]} ({one.megabytes} MB)" for one in report.weights if one.path is None]
    yield from _wrapped("  not there: ", missing)


def _machine(report: Report) -> Iterator[str]:
    machine = report.machine
    processor, *gpus = machine.devices
    yield (f"MACHINE   {machine.n_processors} processors ({', '.join(processor.formats)}), {bytes_in_words(processor.n_bytes)} of memory, "
           f"torch {machine.torch}")
    yield from map(_gpu, gpus)
    if not gpus:
        yield "  no GPU that torch can use"
    for folder, free in machine.free_bytes.items():
        lacks = folder == str(report.home) and free < report.kept_bytes
        yield f"  {bytes_in_words(free)} free for {folder}" + (
            f", which is less than the {bytes_in_words(report.kept_bytes)} of betas and pictures that a run keeps there" if lacks else "")


def _gpu(gpu: Device) -> str:
    return f"  {gpu.name}: {gpu.problem or f'{gpu.what}, {bytes_in_words(gpu.n_bytes)}, {chr(44).join(gpu.formats)}; its kernels run'}"


def _chapters(report: Report, numbers: dict[str, int]) -> Iterator[str]:
    yield (f"CHAPTERS  at preset {report.experiment.name}, subject {report.experiment.subject}"
           + (f"; times are computed: on a {report.gpu}, and on the processors here" if report.durations else ""))
    for one in report.answers:
        stops, without = (", ".join(f"[{numbers[sentence]}]" for sentence in some) for some in (one.stops, one.without))
        state = "runs" if one.runs else f"does not run: {stops}"
        gpu, here = map(time_in_words, report.seconds(one.chapter))
        times = f"{gpu:>8} {here:>8}" if CHAPTERS[one.chapter].stages and report.durations else " " * 17
        yield f"  {one.chapter:<20}{times}  {state}{f'; without {without}' if without else ''}"


def _wrong(report: Report, numbers: dict[str, int]) -> Iterator[str]:
    yield from (f"  [{number}] {sentence}" for sentence, number in numbers.items())


def _fetches(report: Report) -> Iterator[str]:
    data: Inspection | None = report.data
    if data is None or not (data.fetches or data.archives):
        return
    total = sum(fetch.n_bytes or 0 for fetch in data.fetches)
    yield (f"TO FETCH  {bytes_in_words(total) if total else 'a few MB'} of NSD's, once its data access agreement is accepted "
           "(Amazon's program, no account)")
    for fetch in data.fetches:
        yield f"  {fetch.command}    # {f'{fetch.n_bytes:,} bytes' if fetch.n_bytes else 'a few MB'}"
    for archive, paths in data.archives.items():
        yield f"  of COCO's {archive}: {', '.join(path.name for path in paths)} into {paths[0].parent}"


def _wrapped(head: str, items: list[str], width: int = 128) -> Iterator[str]:
    line = head
    for item in items:
        if len(line) + len(item) > width and line.strip():
            yield line.rstrip()
            line = " " * len(head)
        line += item + ", "
    if items:
        yield line.rstrip(", ")
