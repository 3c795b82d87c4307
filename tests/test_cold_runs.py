"""Cold runs, each a process with an empty home of its own, give the same bits at every stage; killed ones too."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

TINY = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "mapping.epochs": [1, 1], "gan.kimg": 0.064,
        "evaluate.n_retrieval": 10}
CODE = """
import hashlib, json, sys
import numpy as np
from mindreader import paths, report
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline

run = Pipeline(experiment("smoke", json.loads(sys.argv[1])))
told = {}

def tell(stage, array):
    told[stage] = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]

def tell_numbers(stage, table):
    tell(stage, table.select_dtypes("number").to_numpy(float))

_ = run.subject
for path in sorted(p for p in (paths.home() / "twins").rglob("*") if p.is_file()):
    header = 128 * (path.suffix == ".mat")  # where MATLAB files tell the time at which they were written
    tell("file " + str(path.relative_to(paths.home())), np.frombuffer(path.read_bytes()[header:], np.uint8))
for space in ("image", "caption"):
    for stage in ("points", "mapped", "ridge", "truth"):
        tell(f"{stage} {space}", getattr(run, stage)[space].vectors)
tell("captions kept", run.caption_scores.kept.to_numpy())
for name, tensor in run.generator("both").states["G_ema"].items():
    tell("painter " + name, tensor.numpy())
tell("pictures", run.paint(report.pictures.brain_points(run, 'both'), "both").images)
for name, tensor in run.encoder.network.state_dict().items():
    tell("encoder " + name, tensor.numpy())
for score in (report.screening_auc, report.retrieval_with_controls, report.category_table, report.encoding_accuracy):
    tell_numbers("scores " + score.__name__, score(run))
tell_numbers("scores identification", report.identification(run, "both"))
print("told", json.dumps(told))
"""


MOMENTS = ["twins/.*.part/**/*.hdf5", "store/unfinished/mapped/*/checkpoint.pt",
           "store/unfinished/painter/*/checkpoint.pt"]  # the subject half written, a mapper and the painter half trained


def begin(home, number):
    """A run in a process group of its own; hashes of strings differ from run to run, results may not."""
    return subprocess.Popen([sys.executable, "-c", CODE, json.dumps(TINY)], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.PIPE, start_new_session=True,
                            env=os.environ | {"MINDREADER_HOME": str(home), "PYTHONHASHSEED": str(number)})


def end(child):
    out, complaint = child.communicate(timeout=1800)
    assert child.returncode == 0, complaint[-3000:]
    return json.loads(out.split("told ", 1)[1])


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What each of two processes said of its stages; one after the other, since threads that wait for others' cores spin."""
    return [end(begin(tmp_path_factory.mktemp(f"home{number}"), number)) for number in (1, 2)]


def test_every_stage_has_the_same_bits(told):
    first, second = told
    assert list(first) == list(second)
    assert [stage for stage in first if first[stage] != second[stage]] == []


def test_the_stages_are_all_there(told):
    for stage in ("file ", "points ", "mapped ", "ridge ", "truth ", "captions ", "painter ", "pictures", "encoder ",
                  "scores "):
        assert any(name.startswith(stage) for name in told[0]), stage
    assert len({told[0][f"scores {name}"] for name in ("screening_auc", "identification", "category_table")}) == 3


def test_a_run_killed_again_and_again_goes_on_and_ends_with_the_same_bits(told, tmp_path):
    for number, moment in enumerate(MOMENTS, 3):
        child = begin(tmp_path, number)
        while not list(tmp_path.glob(moment)):
            assert child.poll() is None, f"it ended, {child.returncode}, before there was a {moment}: {child.stderr.read()}"
            time.sleep(0.005)
        os.killpg(child.pid, signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
    assert end(begin(tmp_path, 6)) == told[0]
