"""parallel, finetune: two processes train to the losses and weights of one, and write one generator."""

from __future__ import annotations

import dataclasses
import json
import os

import numpy as np
import pandas as pd
import pytest
import torch
from small_gan import CONFIG, NETWORK, FakeClip
from torch import nn

from mindreader.generator.finetuning import TrainingState, TrainedGan, train_gan
from mindreader.training.parallel import SINGLE, ProcessGroup, SharedStore, process_group
from mindreader.records import Diverged, LayoutError
from mindreader.extractors.smallnets import max_mean
from mindreader.generator.stylegan import Discriminator, Generator

# Five batches with every loss there is; two groups of pictures are compared in each, and both steps with second
# derivatives fall on three of them.
EVERY = dataclasses.replace(CONFIG, batch=8, kimg=0.040, learning_rate=1e-3, content_weight=1.0)
SHORT = dataclasses.replace(EVERY, kimg=0.024)


class Broken(FakeClip):
    def encode_pictures(self, x):
        return super().encode_pictures(x) * torch.nan


def start():
    """Two networks without zero parameters: after initialization noise strengths and biases are zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        sizes = dataclasses.replace(NETWORK, heads=2)
        nets = Generator(sizes), Discriminator(sizes)
        for net in nets:
            for p in net.parameters():
                p.data += 0.1 * torch.randn(p.shape)
    states = {name: net.state_dict() for name, net in zip(("G", "D"), nets)}
    return TrainedGan(sizes, states | {"G_ema": states["G"]})


def train(config, **options):
    rng = np.random.default_rng(4)
    pictures, rows = rng.integers(0, 256, (10, 16, 16, 3), dtype=np.uint8), rng.integers(0, 10, 20)
    embeddings = [rng.standard_normal((20, 8)).astype(np.float32) for _ in range(2)]
    return train_gan(pictures, rows, tuple(embeddings), config, start=start(), seed=3, **{
        "clip": FakeClip(), "low_level": lambda x: max_mean(x + 2),
        "content": lambda a, b: (a - b).square().mean() + (a.mean(0) - b.mean(0)).square().sum(), **options})


def work(rank, port, folder):
    """What each of two processes does; its results are written to `folder`."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "RANK": str(rank),
                   "TORCHELASTIC_USE_AGENT_STORE": "True"}  # as under torchrun: they meet at a port that is held for them
    torch.set_num_threads(1)
    found, saved, shown, save = {}, [], [], TrainingState.save
    TrainingState.save = lambda game, path: (saved.append(path.name), save(game, path))
    with process_group() as processes:
        whole = train(EVERY, processes=processes, on_tick=lambda row, _: shown.append(row["kimg"]))
        whole.save(folder / f"whole{rank}")
        torch.save(whole.states, folder / f"whole{rank}.pt")
        found["ticks shown"] = len(shown)
        train(SHORT, processes=processes, checkpoint=folder / "by_two.pt")
        found["saved"] = saved.copy()
        torch.save(train(EVERY, processes=processes, checkpoint=folder / "by_one.pt").states, folder / f"resumed{rank}.pt")
        try:
            train(EVERY, processes=processes, checkpoint=(folder / "by_two.pt" if rank else None))
        except LayoutError as refused:
            found["apart"] = str(refused)
        try:
            train(EVERY, processes=processes, clip=Broken())
        except Diverged as reason:
            found["diverged"] = str(reason)
        found["stored"] = [fetch(SharedStore(processes, folder / "store"), rank) for _ in range(2)]
        net = nn.Linear(1, 1, bias=False)
        parallel = processes.data_parallel(net)  # kept, as torch refers to it weakly
        parallel(lambda x: processes.all_gather(net(x)).square().sum(), torch.tensor([[1.0 + rank]])).backward()
        found["slope"] = (2 * net.weight.grad / net.weight).item()  # of w^2 (1^2 + 2^2): 2 w (1 + 4)
    (folder / f"found{rank}.json").write_text(json.dumps(found))


def fetch(store, rank):
    """Whether this process has made the generator now, and which one made what the store has."""
    made = []

    def make(folder):
        made.append(rank)
        (folder / "by").write_text(str(rank))

    by = store.fetch("generator", {"cond": "both"}, make, lambda folder: (folder / "by").read_text())
    return [bool(made), by]


@pytest.fixture(scope="module")
def one():
    return train(EVERY)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Folder of what two processes left, and what each of them found."""
    folder = tmp_path_factory.mktemp("two")
    train(SHORT, checkpoint=folder / "by_one.pt")
    meeting = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    torch.multiprocessing.spawn(work, (meeting.port, folder), nprocs=2)
    return folder, [json.loads((folder / f"found{rank}.json").read_text()) for rank in range(2)]


def same(states, expected):
    for name in ("G", "D", "G_ema"):
        for key, tensor in expected[name].items():
            torch.testing.assert_close(states[name][key], tensor, rtol=1e-4, atol=1e-5, msg=lambda m: f"{name} {key}: {m}")


def test_two_processes_have_the_losses_and_weights_of_one(one, two):
    folder, _ = two
    for rank in range(2):
        history = pd.read_csv(folder / f"whole{rank}" / "history.csv").drop(columns="seconds")
        pd.testing.assert_frame_equal(history, one.history.drop(columns="seconds"), rtol=1e-5)
        same(torch.load(folder / f"whole{rank}.pt"), one.states)
    assert {"generator path", "discriminator r1", "generator content", "generator low_level"} <= set(history)
    moved = [(one.states["G_ema"][k] - t).abs().max().item() for k, t in start().states["G_ema"].items()]
    assert max(moved) > 1e-3  # a hundred times what they may differ by


def test_the_main_process_alone_writes_and_shows_progress(two):
    folder, (first, second) = two
    assert (first["ticks shown"], second["ticks shown"]) == (5, 0)
    assert first["stored"] == second["stored"] == [[True, "0"], [False, "0"]]
    assert [p.name for p in (folder / "store" / "generator").glob("[!.]*")] == [SharedStore(SINGLE).folder("generator", {
        "cond": "both"}).name]


def test_a_checkpoint_is_written_once_and_goes_on_with_another_number_of_processes(one, two):
    folder, found = two
    assert [f["saved"] for f in found] == [["by_two.pt"], []]
    same(train(EVERY, checkpoint=folder / "by_two.pt").states, one.states)
    for rank in range(2):
        same(torch.load(folder / f"resumed{rank}.pt"), one.states)


def test_an_error_is_raised_by_all_processes(two):
    for found in two[1]:
        assert "processes of one training at steps [0, 3], expected all at the same" in found["apart"]
        assert found["diverged"].startswith("the generator's loss 'clip' is nan at step 0")


def test_a_gradient_is_the_sum_over_the_rows_of_all_processes(two):
    assert [found["slope"] for found in two[1]] == pytest.approx([10, 10])  # d/dw of (1 w)^2 + (2 w)^2 is 10 w


def test_the_processes_rows_are_the_whole_batch_and_groups_stay_together():
    rows, sizes = torch.arange(16), (2, 4)
    for size in sizes:
        parts = [ProcessGroup(rank, size).own_rows(rows) for rank in range(size)]
        assert torch.equal(torch.stack(parts, 1).flatten(), rows)
        whole = {frozenset(group) for group in rows.reshape(4, 4).T.tolist()}
        apart = {frozenset(group) for part in parts for group in part.reshape(4, -1).T.tolist()}
        assert apart == whole
    assert ProcessGroup(1, 2).own_rows(rows.reshape(2, 8), dim=1).tolist() == rows.reshape(2, 8)[:, 1::2].tolist()


def test_sharded_random_numbers_are_those_of_the_whole_batch():
    whole = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    for rank in range(2):
        shard = ProcessGroup(rank, 2).sharded(torch.Generator().manual_seed(1)).normal((3, 3))
        assert torch.equal(shard, whole[rank::2])


def test_a_single_process_changes_nothing():
    rows, rng, net = torch.ones(3), torch.Generator(), nn.Linear(1, 1)
    assert SINGLE.own_rows(rows) is rows and SINGLE.all_gather(rows) is rows and SINGLE.mean(rows) is rows
    assert SINGLE.sharded(rng) is rng and SINGLE.exchange(3) == [3]
    assert SINGLE.data_parallel(net)(lambda a, b: a - b, 5, b=2) == 3
    with process_group() as processes:
        assert processes == SINGLE


@pytest.mark.parametrize("change, size, message", [
    ({"batch": 4}, 2, "batches of 4, and of 2 for the path length, for 2 processes; expected a multiple of 8"),
    ({"batch": 16}, 3, "batches of 16, and of 8 .* 3 processes"),
    ({"path_shrink": 8}, 2, "and of 1 for the path length"),
    ({"published_bugs": ("batch_summed_logit",)}, 2, "expected a single process"),
])
def test_batches_that_cannot_be_split_are_refused(change, size, message):
    with pytest.raises(ValueError, match=message):
        train(dataclasses.replace(EVERY, **change), processes=ProcessGroup(1, size))


@pytest.fixture
def finetune():
    from mindreader.studies import finetune

    return finetune


def test_end_to_end_training_is_refused_on_several_processes(finetune):
    wanted = finetune.experiment("smoke", {"end_to_end": 0.1})
    with pytest.raises(finetune.ParameterError, match="end_to_end=0.1 with 2 processes, expected 0, or one process"):
        finetune.finetune(wanted, "both", ProcessGroup(0, 2))


@pytest.mark.parametrize("arguments, sentence", [
    (["--cond", "voice"], "argument --cond: invalid choice: 'voice'"),
    (["--preset", "huge"], "argument --preset: invalid choice: 'huge'"),
    (["--seed", "-1"], "got seed=-1, expected a whole number of at least 0"),
    (["--subject", "subj09"], "got subject='subj09', expected twin01"),
    (["-y", "gan.kimg"], "-y 'gan.kimg': expected settings by dotted name"),
    (["-y", "gan.king: 1.0"], "did you mean 'kimg'?"),
    (["-y", "device: cuda:99"], "device='cuda:99': this machine has"),
])
def test_the_command_line_refuses_in_one_sentence(finetune, arguments, sentence, capsys):
    try:
        status = finetune.main(arguments)
    except SystemExit as stopped:
        status = stopped.code
    said = capsys.readouterr().err
    assert status and sentence in said and "Traceback" not in said
    assert said.count("\n") == 1 or "usage:" in said


def test_processes_without_a_gpu_each_are_refused(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for device in ("cuda", "cuda:0"):
        with pytest.raises(ValueError, match=r"for 2 processes on a machine with 1 GPU\(s\); expected 'cuda', and a GPU"):
            with process_group(device):
                pass
