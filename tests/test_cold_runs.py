"""Cold runs, each a process with an empty home of its own, give the same bits at every stage; killed ones too."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

TINY = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "mapping.epochs": [1, 1], "gan.kimg": 0.016,
        "evaluate.n_retrieval": 10}
CODE = """
import hashlib, json, sys
import numpy as np
import mindreader as mr
from mindreader.companion import ch01_screening, ch02_mapping, ch03_gan, ch05_category_auc, ch06_encoding_cycle

run = mr.Pipeline(mr.experiment("smoke", json.loads(sys.argv[1])))
hashes = {}

def record(stage, array):
    hashes[stage] = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]

def record_numbers(stage, table):
    record(stage, table.select_dtypes("number").to_numpy(float))

_ = run.subject
for path in sorted(p for p in (mr.core.home() / "twins").rglob("*") if p.is_file()):
    header = 128 * (path.suffix == ".mat")  # where MATLAB files have the time at which they were written
    record("file " + str(path.relative_to(mr.core.home())), np.frombuffer(path.read_bytes()[header:], np.uint8))
for space in ("image", "caption"):
    for stage in ("embeddings", "mapped", "ridge", "truth"):
        record(f"{stage} {space}", getattr(run, stage)[space].vectors)
record("captions kept", run.caption_scores.kept.to_numpy())
for name, tensor in run.generator("both").states["G_ema"].items():
    record("generator " + name, tensor.numpy())
decoded = {space: run.validation(embeddings) for space, embeddings in run.conditions("both").items()}
record("pictures", run.reconstruct(decoded, "both").images)
for name, tensor in run.encoder.network.state_dict().items():
    record("encoder " + name, tensor.numpy())
for score in (ch01_screening.screening_auc, ch02_mapping.retrieval_with_controls, ch05_category_auc.category_table,
              ch06_encoding_cycle.encoding_accuracy):
    record_numbers("scores " + score.__name__, score(run))
record_numbers("scores identification", ch03_gan.identification(run, "both"))
print("hashes", json.dumps(hashes))
"""


MOMENTS = ["twins/.*.twin-*/**/*.hdf5", "store/unfinished/mapped/*/checkpoint.pt",
           "store/unfinished/generator/*/checkpoint.pt"]  # the subject half written, a mapper and the generator half trained


def begin(home, number):
    """A run in a process group of its own; hashes of strings differ from run to run, results may not."""
    return subprocess.Popen([sys.executable, "-c", CODE, json.dumps(TINY)], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.PIPE, start_new_session=True,
                            env=os.environ | {"MINDREADER_HOME": str(home), "PYTHONHASHSEED": str(number)})


def end(child):
    out, complaint = child.communicate(timeout=1800)
    assert child.returncode == 0, complaint[-3000:]
    return json.loads(out.split("hashes ", 1)[1])


@pytest.fixture(scope="module")
def hashes(tmp_path_factory):
    """Each stage's hash in two processes; one after the other, since threads that wait for others' cores spin."""
    return [end(begin(tmp_path_factory.mktemp(f"home{number}"), number)) for number in (1, 2)]


def test_every_stage_has_the_same_bits(hashes):
    first, second = hashes
    assert list(first) == list(second)
    assert [stage for stage in first if first[stage] != second[stage]] == []


def test_the_stages_are_all_there(hashes):
    for stage in ("file ", "embeddings ", "mapped ", "ridge ", "truth ", "captions ", "generator ", "pictures",
                  "encoder ", "scores "):
        assert any(name.startswith(stage) for name in hashes[0]), stage
    assert len({hashes[0][f"scores {name}"] for name in ("screening_auc", "identification", "category_table")}) == 3


def test_a_run_killed_again_and_again_goes_on_and_ends_with_the_same_bits(hashes, tmp_path):
    for number, moment in enumerate(MOMENTS, 3):
        child = begin(tmp_path, number)
        while not list(tmp_path.glob(moment)):
            assert child.poll() is None, f"it ended, {child.returncode}, before there was a {moment}: {child.stderr.read()}"
            time.sleep(0.005)
        os.killpg(child.pid, signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
    assert end(begin(tmp_path, 6)) == hashes[0]
