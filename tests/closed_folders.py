"""A folder in which nothing may be written for a while: as on a read-only mount, or another user's."""

import contextlib
import os
import subprocess

import pytest


@contextlib.contextmanager
def read_only(folder):
    """The folder and all below it; root may write whatever the permissions say, so for root it is mounted so."""
    if os.geteuid():
        modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")] if path.is_dir()}
        try:
            for path in modes:
                path.chmod(0o555)
            yield folder
        finally:
            for path, mode in modes.items():
                path.chmod(mode)
        return
    if subprocess.run(["mount", "--bind", folder, folder], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder, folder], check=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
