"""Freed memory is reused by the next step on glibc; elsewhere nothing happens."""

import ctypes
import subprocess
import sys
import types

import pytest

from mindreader.training import memory

ROUNDS, MEBIBYTES = 20, 64
PROGRAM = f"""
import resource, sys
import numpy as np
from mindreader.training.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def fresh_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones({MEBIBYTES} * 2**20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
fresh_pages()
print(sum(fresh_pages() for _ in range({ROUNDS})))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="needs glibc")
def test_memory_is_asked_of_the_system_once():
    keep, give_back = (int(subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True,
                                          check=True).stdout) for how in ("keep", "give back"))
    assert give_back >= ROUNDS            # at least a fault each time, however large the system's pages are
    assert keep < give_back / 10


@pytest.mark.parametrize("platform, library", [("darwin", None), ("win32", None), ("linux", types.SimpleNamespace())])
def test_elsewhere_nothing_happens(monkeypatch, platform, library):
    def load(_):
        if library is None:
            raise AssertionError("no library is asked for")
        return library

    monkeypatch.setattr(memory.sys, "platform", platform)
    monkeypatch.setattr(memory.ctypes, "CDLL", load)
    assert memory.keep_freed_memory() is False


def test_a_library_that_refuses_is_reported(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: types.SimpleNamespace(mallopt=lambda option, value: 0))
    assert memory.keep_freed_memory() is False
