"""Every container gives the tensors that torch gives, and nothing that a hostile file asks for happens."""

import io
import os
import pickle
import stat
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from published_files import legacy, legacy_bytes, persistent, script, text, write_pickle, zipped
from safetensors.torch import save_file

from mindreader.checkpoints import load_checkpoint, open_checkpoint, opcodes, recognise
from mindreader.records import LayoutError

SIMPLE = b"\x80\x02}q\x00"     # an empty dictionary: the start of a body


@pytest.fixture
def state():
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(3, 4, generator=rng)
    return {"a.weight": a, "a.half": a.half(), "a.brain": a.bfloat16(), "turned": a.T, "row": a[1], "number": torch.tensor(2.5),
            "counts": torch.arange(5), "flags": torch.tensor([True, False]), "empty": torch.zeros(0, 3),
            "last": torch.randn(2, 3, 4, 4, generator=rng).contiguous(memory_format=torch.channels_last)}


def same(found, expected):
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name


# ── what torch and its kin write ───────────────────────────────────────────────────────────────────────────────────────
def test_a_zip_archive_of_torch(state, tmp_path):
    torch.save(OrderedDict(state), tmp_path / "x.pth")
    same(load_checkpoint(tmp_path / "x.pth"), state)
    with open_checkpoint(tmp_path / "x.pth") as checkpoint:
        assert checkpoint.container == "torch zip"
        assert checkpoint.tensors["turned"].shape == (4, 3) and checkpoint.tensors["a.brain"].dtype == torch.bfloat16


def test_torchs_old_files(state, tmp_path):
    torch.save(state, tmp_path / "x.pth.tar", _use_new_zipfile_serialization=False)
    same(load_checkpoint(tmp_path / "x.pth.tar"), state)


@pytest.mark.parametrize("protocol", range(6))
def test_a_plain_pickle_of_tensors_and_arrays(state, tmp_path, protocol):
    arrays = {"array": np.arange(6.0).reshape(2, 3), "turned array": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
              "other order": np.arange(3, dtype=">f4")}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(state | arrays | {"a number": np.float32(1.5), "a set": {1, 2}}, protocol))
    same(load_checkpoint(tmp_path / "x.pkl"), state | {name: torch.from_numpy(a.astype(a.dtype.newbyteorder("="), order="C"))
                                                       for name, a in arrays.items()})


def test_safetensors(state, tmp_path):
    plain = {name: tensor.contiguous().clone() for name, tensor in sorted(state.items())}
    save_file(plain, tmp_path / "x.anything")
    same(dict(sorted(load_checkpoint(tmp_path / "x.anything").items())), plain)


def test_a_torchscript_archive_by_its_state_alone(tmp_path):
    wanted = {"logit_scale": torch.tensor(4.6), "visual.conv1.weight": torch.randn(4, 3, 2, 2).half(), "visual.ln.weight": torch.ones(4)}
    script(wanted, tmp_path / "x.pt", input_resolution=224)
    with open_checkpoint(tmp_path / "x.pt") as checkpoint:
        assert checkpoint.container == "TorchScript"
        found = checkpoint.load()
    assert {name: tensor.dtype for name, tensor in found.items()} == {
        name: tensor.dtype for name, tensor in wanted.items()} | {"input_resolution": torch.int64}
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())


@pytest.mark.parametrize("old", [True, False])
def test_a_whole_module_of_a_class_that_is_not_here(tmp_path, old):
    net = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 3), torch.nn.ReLU(), torch.nn.BatchNorm1d(2))
    net.register_buffer("not saved", torch.zeros(3), persistent=False)
    torch.save(net, tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
    raw = (tmp_path / "x.pth").read_bytes()
    (tmp_path / "x.pth").write_bytes(raw.replace(b"torch.nn.modules.container", b"nowhere.to_be.found_in.env") if old else raw)
    same(load_checkpoint(tmp_path / "x.pth"), net.state_dict())


def test_what_training_scripts_put_around_a_state_dict(state, tmp_path):
    import argparse
    import pathlib
    torch.save({"state_dict": {f"module.{name}": t for name, t in state.items()}, "epoch": 3, "args": argparse.Namespace(lr=0.1),
                "where": pathlib.PurePosixPath("/a/b"), "device": torch.device("cpu"), "size": torch.Size([2]),
                "optimizer": {"state": {0: {"step": torch.tensor(1)}}}}, tmp_path / "x.pth")
    same(load_checkpoint(tmp_path / "x.pth"), state)


def test_several_networks_are_several_parts(state, tmp_path):
    torch.save({"G": state, "D": {"a": torch.ones(1)}, "step": 3}, tmp_path / "x.pth")
    with open_checkpoint(tmp_path / "x.pth") as checkpoint:
        assert set(checkpoint.parts) == {"G", "D"}
        with pytest.raises(LayoutError, match="found the networks D, G in .*, expected one"):
            checkpoint.load()


def test_tensors_that_share_numbers_stay_equal(tmp_path):
    a = torch.randn(4, 4)
    torch.save({"a": a, "b": a, "c": a[2:]}, tmp_path / "x.pth")
    same(load_checkpoint(tmp_path / "x.pth"), {"a": a, "b": a, "c": a[2:]})


def test_persistent_modules_give_their_state_and_not_their_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wanted = {"layer.weight": torch.randn(2, 3), "w_avg": torch.zeros(3)}
    write_pickle(tmp_path / "x.pkl", {"G_ema": persistent(wanted, z_dim=7), "augment_pipe": None})
    with open_checkpoint(tmp_path / "x.pkl") as checkpoint:
        assert checkpoint.kept["G_ema"]["settings"] == {"z_dim": 7} and checkpoint.kept["G_ema"]["class"] == "Generator"
        found = checkpoint.load("G_ema")
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items()) and not (tmp_path / "ran").exists()


# ── hostile files ──────────────────────────────────────────────────────────────────────────────────────────────────────
class Evil:
    def __init__(self, function, *arguments):
        self.how = function, arguments

    def __reduce__(self):
        return self.how


def touch():
    return Evil(os.system, "touch ran")


BODIES = {
    "os.system": (pickle.dumps(touch(), 2), r"posix\.system|os\.system"),
    "builtins.eval": (pickle.dumps(Evil(eval, "open('ran', 'w')"), 2), r"builtins\.eval"),
    "nested in a state dict": (pickle.dumps({"a": [{"b": touch()}]}, 2), r"system"),
    "an argument of a tensor": (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(cos\nsystem\n" + text("touch ran") + b"\x85RK\x00))tR.",
                                r"a call of os\.system"),
    "dotted names": (b"\x80\x04" + text("os") + text("system.__call__") + b"\x93" + text("touch ran") + b"\x85R.", r"os\.system\.__call__"),
    "a name of many lines": (b"\x80\x04" + text("os\n" * 5000) + text("system\x00") + b"\x93" + text("touch ran") + b"\x85R.", "a call of os"),
    "a dotted name below one that is allowed": (b"\x80\x04" + text("collections") + text("OrderedDict.fromkeys") + b"\x93" + text("ab") + b"\x85R.",
                                                r"collections\.OrderedDict\.fromkeys"),
    "a new object": (b"\x80\x02csubprocess\nPopen\n" + text("touch ran") + b"\x85\x81.", r"an instance of subprocess\.Popen"),
    "a new object with keywords": (b"\x80\x04csubprocess\nPopen\n)}\x92.", "NEWOBJ_EX"),
    "an old instance": (b"(" + text("touch ran") + b"ios\nsystem\n.", r"an instance of os\.system"),
    "an old object": (b"(cos\nsystem\n" + text("touch ran") + b"o.", "OBJ"),
    "the extension registry": (b"\x80\x02\x82\x01.", "EXT1"),
    "a state for an object of its own": (b"\x80\x02cos\nsystem\n)\x81}" + text("__setstate__") + b"cos\nsystem\nsb.", r"os\.system"),
    "a global that nothing uses": (b"\x80\x02cos\nsystem\n0}.", r"the global os\.system"),
    "torch.hub": (b"\x80\x02ctorch.hub\nload\n" + text("a/b") + text("c") + b"\x86R.", r"a call of torch\.hub\.load"),
    "torch.load within": (b"\x80\x02ctorch.serialization\nload\n" + text("x") + b"\x85R.", r"a call of torch\.serialization\.load"),
    "an array of objects": (pickle.dumps({"a": np.array([touch()], dtype=object)}, 2), "an array of O8|system"),
    "getattr": (b"\x80\x02cbuiltins\ngetattr\ncos\nsystem\n" + text("x") + b"\x86R.", r"builtins\.getattr"),
    "a reference to what are no numbers": (b"\x80\x02" + text("module") + b"cos\nsystem\n\x86Q.", "reference|os.system"),
    "no tensors": (pickle.dumps({"a": 1}, 2), "no tensors"),
    "an endless list": (b"\x80\x02" + b"]" * 20_001 + b".", "more than 20,000 instructions"),
    "half of a pickle": (pickle.dumps({"a": "b" * 1000}, 2)[:500], "damaged pickle"),
    "a place in the memo that nothing has": (b"\x80\x02j\xff\xff\xff\x7f.", "damaged pickle"),
    "a promise of 8 EiB of bytes": (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.", "damaged pickle"),
    "bytes made of a number": (b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.", "bytes that are not in the file"),
    "a key that is a list": (b"\x80\x02}]K\x01s.", "a key of type list"),
    "a key nested deep": (b"\x80\x02}" + b")" + b"\x85" * 15_000 + b"K\x01s.", "a key of type tuple"),
    "nothing on the stack": (b"\x80\x02R.", "damaged pickle"),
}


@pytest.mark.parametrize("container", ["pickle", "zip", "legacy", "script"])
@pytest.mark.parametrize("what", BODIES)
def test_a_hostile_pickle_is_refused_by_name_in_every_container(what, container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(opcodes, "MOST", 20_000)    # three millions take seconds
    body, reason = BODIES[what]
    path = tmp_path / "x.pth"
    if container == "pickle":
        path.write_bytes(body)
    elif container == "legacy":
        legacy(body, path)
    else:
        zipped(body, path, [("archive/code/__torch__.py", "import os")] if container == "script" else [])
    with pytest.raises(LayoutError, match=f"(?s)^found .*({reason}|damaged).* in .*x.pth, expected tensors") as refused:
        load_checkpoint(path)
    assert not (tmp_path / "ran").exists() and "\n" not in str(refused.value) and len(str(refused.value)) < 500 + len(str(path))


@pytest.mark.parametrize("blob", [
    pickle.dumps(touch(), 2),
    b"".join(pickle.dumps(part, 2) for part in (0x1950a86a20f9469cfc6c, 1001, {"little_endian": True})) + pickle.dumps(touch(), 2),
])
def test_hostile_numbers_within_a_pickle_are_refused(blob, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": Evil(torch.storage._load_from_bytes, blob)}, 4))
    with pytest.raises(LayoutError, match="system"):
        load_checkpoint(tmp_path / "x.pkl")
    assert not (tmp_path / "ran").exists()


def test_numbers_within_numbers_within_numbers_are_refused(tmp_path):
    inner = pickle.dumps(Evil(torch.storage._load_from_bytes, b"x"), 2)
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950a86a20f9469cfc6c, 1001, {"little_endian": True}))
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": Evil(torch.storage._load_from_bytes, head + inner)}, 4))
    with pytest.raises(LayoutError, match=r"a call of torch\.storage\._load_from_bytes"):
        load_checkpoint(tmp_path / "x.pkl")


def test_a_persistent_object_with_a_hostile_state_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = persistent({"weight": torch.ones(1)})
    net.hook = touch()
    write_pickle(tmp_path / "x.pkl", {"G_ema": net})
    with pytest.raises(LayoutError, match="system"):
        load_checkpoint(tmp_path / "x.pkl")
    assert not (tmp_path / "ran").exists()


# ── promises that a file does not keep ─────────────────────────────────────────────────────────────────────────────────
def tensor_body(count, shape, stride, offset=0, key="0", kind="FloatStorage"):
    def whole(n):
        return b"\x8a\x08" + struct.pack("<q", n)

    sizes = [b"(" + b"".join(map(whole, part)) + b"t" for part in (shape, stride)]
    return (b"\x80\x02}" + text("a") + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + f"ctorch\n{kind}\n".encode()
            + text(key) + text("cpu") + whole(count) + b"tQ" + whole(offset) + sizes[0] + sizes[1]
            + b"\x89ccollections\nOrderedDict\n)RtRs.")


@pytest.mark.parametrize("body, reason", [
    (tensor_body(4, (2, 2), (2, 1)), None),
    (tensor_body(10**12, (10**12,), (1,)), "no 4,000,000,000,000 bytes|the promise of 4,000,000,000,000 bytes"),
    (tensor_body(4, (10**12,), (0,)), "from 4 numbers"),
    (tensor_body(4, (4,), (2,)), "from 4 numbers"),
    (tensor_body(4, (2,), (1,), offset=3), "from 4 numbers"),
    (tensor_body(4, (-1,), (1,)), "a tensor of shape"),
    (tensor_body(4, (2,), (-1,)), "a tensor of shape"),
    (tensor_body(4, (2**62, 2**62), (0, 0)), "a tensor of shape"),
    (tensor_body(4, (2, 2), (1,)), "a tensor of shape"),
    (tensor_body(-4, (1,), (1,)), "not said how many"),
    (tensor_body(4, (4,), (1,), key="../../x"), "a name that is none of torch's"),
    (tensor_body(4, (4,), (1,), kind="ObjectStorage"), "numbers stored as torch.ObjectStorage"),
])
@pytest.mark.parametrize("container", ["zip", "legacy"])
def test_promised_sizes_are_held_against_what_is_there(body, reason, container, tmp_path):
    numbers = np.arange(4, dtype="<f4").tobytes()
    if container == "zip":
        zipped(body, tmp_path / "x.pth", [("archive/data/0", numbers)])
    else:
        legacy(body, tmp_path / "x.pth", ["0"], struct.pack("<q", 4) + numbers)
    if reason is None:
        assert load_checkpoint(tmp_path / "x.pth")["a"].tolist() == [[0, 1], [2, 3]]
        return
    with pytest.raises(LayoutError, match=reason):
        load_checkpoint(tmp_path / "x.pth")


def test_many_names_of_one_large_tensor_are_refused_before_they_are_read(tmp_path):
    a = torch.zeros(1000)
    torch.save({f"a{i}": a for i in range(100)}, tmp_path / "x.pth")
    with pytest.raises(LayoutError, match="tensors of 400,000 bytes from a file of"):
        load_checkpoint(tmp_path / "x.pth")


def test_modules_that_share_each_other_are_counted_and_not_walked_for_ever(tmp_path):
    net = torch.nn.Linear(1, 1)
    for _ in range(40):
        net = torch.nn.ModuleDict({"a": net, "b": net})
    torch.save(net, tmp_path / "x.pth")
    with pytest.raises(LayoutError, match="modules within modules"):
        load_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("old", [True, False])
def test_a_truncated_file_is_refused(state, tmp_path, old, keep):
    torch.save(state, tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
    raw = (tmp_path / "x.pth").read_bytes()
    (tmp_path / "x.pth").write_bytes(raw[:int(keep * len(raw))])
    with pytest.raises(LayoutError, match="x.pth"):
        load_checkpoint(tmp_path / "x.pth")


def test_altered_numbers_of_an_archive_are_refused(tmp_path):
    torch.save({"a": torch.ones(100)}, tmp_path / "x.pth")
    raw = bytearray((tmp_path / "x.pth").read_bytes())
    at = raw.index(struct.pack("<3f", 1, 1, 1))
    raw[at:at + 4] = struct.pack("<f", 2)
    (tmp_path / "x.pth").write_bytes(raw)
    with pytest.raises(LayoutError, match="numbers in it that cannot be read"):
        load_checkpoint(tmp_path / "x.pth")


def test_zip_archives_that_lead_out_of_themselves_or_grow_are_refused(tmp_path):
    path, body = tmp_path / "x.pth", tensor_body(4, (4,), (1,))
    numbers = ("archive/data/0", bytes(16))
    zipped(body, path, [numbers, ("../../evil", b"x")])
    with pytest.raises(LayoutError, match="lead out of it"):
        load_checkpoint(path)
    link = zipfile.ZipInfo("archive/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    zipped(body, path, [numbers, (link, "/etc/passwd")])
    with pytest.raises(LayoutError, match="lead out of it"):
        load_checkpoint(path)
    zipped(b"\x80\x02" + b"]" * (65 << 20), path, [numbers], zipfile.ZIP_DEFLATED)
    with pytest.raises(LayoutError, match="a record of .* in place of names and shapes"):
        load_checkpoint(path)
    with pytest.warns(UserWarning, match="Duplicate"):
        zipped(body, path, [numbers, numbers])
    with pytest.raises(LayoutError, match="two records of one name"):
        load_checkpoint(path)
    zipped(body, path, [numbers, ("archive/byteorder", "big")])
    with pytest.raises(LayoutError, match="other order"):
        load_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/readme.txt", "x")
    with pytest.raises(LayoutError, match="none of torch's"):
        load_checkpoint(path)


@pytest.mark.parametrize("content, words", [
    (b"", "an empty file"), (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
    (b"<!DOCTYPE html><html>Google Drive", "a web page"), (b"\x1f\x8b\x08rest", "a compressed file"), (b"\x89HDF\r\n", "HDF5"),
    (bytes(257) + b"ustar" + bytes(300), "a tar archive"), (b"hello there", "damaged pickle"),
    (struct.pack("<Q", 20) + b'{"a": {"dtype": "F32"' + bytes(20), "a damaged file"),
])
def test_what_is_no_file_of_weights_is_said(content, words, tmp_path):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(LayoutError, match=f"found .*{words}.*x.pt"):
        open_checkpoint(tmp_path / "x.pt")


def test_what_is_no_file_is_said(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "nothing", tmp_path / "loop"):
        with pytest.raises(LayoutError, match="found no file"):
            open_checkpoint(path)
    with pytest.raises(LayoutError, match="no regular file"):
        open_checkpoint(tmp_path)


def test_a_link_to_a_file_is_followed(state, tmp_path):
    torch.save(state, tmp_path / "blob")
    (tmp_path / "x.pth").symlink_to("blob")
    same(load_checkpoint(tmp_path / "x.pth"), state)


def test_torch_reads_the_blobs_that_the_tests_write():
    assert torch.equal(torch.load(io.BytesIO(legacy_bytes(torch.ones(2))), weights_only=True), torch.ones(2))


@pytest.mark.parametrize("container", ["torch zip", "torch legacy", "TorchScript", "pickle", "safetensors", "persistent"])
def test_whatever_byte_is_wrong_the_answer_is_tensors_or_one_sentence(container, state, tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    path, rng = tmp_path / "x.bin", np.random.default_rng(0)
    state = {name: tensor for name, tensor in state.items() if name not in ("turned", "row")}
    if container in ("torch zip", "torch legacy"):
        torch.save(state, path, _use_new_zipfile_serialization=container == "torch zip")
    elif container == "TorchScript":
        script({f"{name}_": tensor for name, tensor in state.items() if tensor.is_floating_point()}, path)
    elif container == "safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    elif container == "pickle":
        path.write_bytes(pickle.dumps(state | {"array": np.arange(3.0)}))
    else:
        write_pickle(path, {"G": persistent({"a.weight": state["a.weight"], "w_avg": state["a.half"]})})
    whole = path.read_bytes()
    for _ in range(60):
        raw = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            at, how = rng.integers(len(raw)), rng.integers(4)
            raw[at:at + (1, 1, 0, 9)[how]] = bytes(rng.integers(0, 256, (1, 1, 3, 0)[how], dtype=np.uint8))
        path.write_bytes(raw)
        try:
            with open_checkpoint(path) as checkpoint:
                recognise(checkpoint)
                for part in checkpoint.parts:
                    checkpoint.load(part)
        except LayoutError as refused:
            assert "\n" not in str(refused) and len(str(refused)) < 600 + len(str(path))
