"""A stand-in for Amazon's program, which copies from a folder instead of the bucket, and as the real one only what differs in size."""

import shlex
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

BUCKET = "s3://natural-scenes-dataset/"


def run_commands(commands, bucket):
    """Do what these lines of a shell would; anything that the program does not know is an error."""
    for line in commands:
        program, service, action, *rest = shlex.split(line)
        assert (program, service) == ("aws", "s3") and rest.pop(0) == "--no-sign-request"
        filters = []
        while rest[0].startswith("--"):
            option, pattern, *rest = rest
            assert option in ("--exclude", "--include")
            filters.append((option == "--include", pattern))
        source, target = rest
        assert source.startswith(BUCKET)
        copy = {"cp": _copy, "sync": _synchronise}[action]
        copy(Path(bucket) / source.removeprefix(BUCKET), Path(target), filters)


def _copy(source, target, filters):
    assert not filters
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy(source, target)


def _synchronise(source, target, filters):
    for path in (path for path in source.rglob("*") if path.is_file()):
        name, is_wanted = path.relative_to(source).as_posix(), True
        for includes, pattern in filters:       # the last that fits decides
            is_wanted = includes if fnmatchcase(name, pattern) else is_wanted
        there = target / name
        if is_wanted and not (there.is_file() and there.stat().st_size == path.stat().st_size):
            _copy(path, there, [])
