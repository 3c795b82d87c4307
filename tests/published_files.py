"""Write files as other people's code does, those of a rehearsal, and hostile ones of each kind."""

import io
import pickle
import struct
import zipfile

import torch

from mindreader.companion.rehearsal.published import EasyDict, Persistent, persistent, script, snapshot, write_pickle

SOURCE = "import os\nos.system('touch ran')\nclass Generator: pass\n"    # what would be run, were the file read as usual
Persistent.source = SOURCE


# ── hostile files ──────────────────────────────────────────────────────────────────────────────────────────────────────
def text(value):
    """The instruction that puts a string on the stack."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def zipped(body, path, extra=(), compression=zipfile.ZIP_STORED):
    """torch's zip archive around a pickle."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", body)
        for name, content in extra:
            archive.writestr(name, content)


def legacy(body, path, keys=(), numbers=b""):
    """torch's file from before version 1.6 around a pickle."""
    head = [0x1950a86a20f9469cfc6c, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}]
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in head) + body + pickle.dumps(list(keys), 2) + numbers)


def legacy_bytes(tensor):
    """torch's own file from before 1.6 of a storage."""
    held = io.BytesIO()
    torch.save(tensor, held, _use_new_zipfile_serialization=False)
    return held.getvalue()
