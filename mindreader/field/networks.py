"""Find and load the published networks behind the eight metrics, and know torchvision's weights by their checksums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from .. import checkpoints
from ..core.weights import check_tensors, read_tensors
from ..records import LayoutError

SUFFIXES = (".safetensors", ".pth", ".pth.tar", ".pt")
DIGITS = 8  # of a checksum, as in the names of torchvision's files
_MEAN, _STD = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))  # ImageNet's


@dataclass(frozen=True)
class Published:
    """One network of a table of the eight.

    metric        e.g. "AlexNet 2"
    stem          how the name of the file with its weights begins
    architecture  torchvision's name, or open_clip's
    node          the layer whose output is taken
    size          height and width that pictures are resized to, pixels
    protocol      how features are compared
    weights       torchvision's name for its weights, "" where torchvision has none
    """

    metric: str
    stem: str
    architecture: str
    node: str
    size: int
    protocol: str
    weights: str = ""


def short(digest: str) -> str:
    """The first digits of a checksum, as many as torchvision puts into the names of its files."""
    return digest[:DIGITS]


@cache
def known_weights() -> dict[str, str]:
    """Names of torchvision's weights of these networks by the digits of their checksum, which their addresses carry."""
    from torchvision.models import get_model_weights  # here and not above: stand-ins need none of it

    found = {}
    for architecture in ("alexnet", "inception_v3", "efficientnet_b1"):
        for entry in get_model_weights(architecture):
            found[Path(entry.url).stem.rpartition("-")[2]] = str(entry)
    return found


def find_files(folder: Path | None, wanted: Sequence[Published], table: str) -> dict[str, Path]:
    """The file with each metric's weights, for those that have one, in a folder of these networks alone.

    By checksum, where it is one of torchvision's, else by how the name begins. Without a folder, among all published weights
    (`checkpoints`): those that were imported, and those in $MINDREADER_WEIGHTS, of which others may be something else.

    Raises LayoutError for a file that is no network's, two for one network, or one that is known to be another table's.
    """
    stems, found = sorted({each.stem for each in wanted}), {}
    if folder is None:
        folder, files = "your published weights", [path for path in checkpoints.all_weights() if path.name.startswith(tuple(stems))]
    else:
        files = [path for path in sorted(folder.iterdir()) if path.name.endswith(SUFFIXES) and not path.name.startswith(".")]
    known = {path: known_weights().get(_digest(path)) for path in files}
    for path in files:
        if known[path] is None and not path.name.startswith(tuple(stems)):
            raise LayoutError(f"found {path.name} in {folder}, which is none of the published networks, expected names that begin with "
                              f"{', '.join(stems)}; rename it after its network, or take it away")
    for each in wanted:
        right = [path for path in files if known[path] == each.weights and each.weights]
        by_name = [path for path in files if known[path] is None and path.name.startswith(each.stem)]
        mine = right or by_name
        if len(mine) > 1:
            raise LayoutError(f"found {' and '.join(path.name for path in mine)} in {folder}, expected one file whose name begins "
                              f"with {each.stem}; take the others away")
        others = [path for path in files if known[path] and known[path].split(".")[0] == each.weights.split(".")[0]]
        if others and not mine:
            raise LayoutError(f"found {others[0].name} in {folder}, which by its checksum is {known[others[0]]}, expected "
                              f"{each.weights} for {table}; add those weights, or take these away or use the table that wants them")
        if mine:
            found[each.metric] = mine[0]
    return found


def load_network(published: Published, path: Path) -> Callable[[Tensor], Tensor]:
    """torchvision's architecture up to the layer, with the weights of the file: pictures in [0, 1] -> features.

    Raises LayoutError for a file that is damaged, would run code, or is another network's.
    """
    from torchvision.models import get_model  # here and not above: stand-ins need none of it
    from torchvision.models.feature_extraction import create_feature_extractor

    # torchvision's weights expect pictures in Inception's own range; the network converts them
    more = {"transform_input": True, "init_weights": False} if published.architecture == "inception_v3" else {}
    with torch.random.fork_rng(devices=[]):
        net = get_model(published.architecture, weights=None, **more)
    what = f"the weights of {published.architecture}"
    try:
        state = read_tensors(path, what)[0] if path.suffix == ".safetensors" else checkpoints.load_checkpoint(path)
        if published.stem == "swav":  # projection head and prototypes are not used, and it has no classifier
            state = {key: value for key, value in state.items() if not key.startswith(("projection_head", "prototypes"))}
            state |= {key: value for key, value in net.state_dict().items() if key.startswith("fc.")}
        check_tensors(state, path, what)
        net.load_state_dict(state)
    except LayoutError:
        raise
    except Exception as error:  # torch and safetensors raise what they like for a bad file
        reason = " ".join(str(error).split())[:200]
        raise LayoutError(f"found weights in {path} that do not fit ({reason}), expected those of "
                          f"{published.architecture}; give the file that its authors publish") from error
    layer = create_feature_extractor(net.eval().requires_grad_(False), {published.node: "features"})
    return lambda x: layer((x - _MEAN) / _STD)["features"]


def _digest(path: Path) -> str:
    try:
        return short(checkpoints.published_digest(path))
    except OSError as error:
        raise LayoutError(f"found {path} unreadable ({error.strerror}), expected the weights of a published network; check its "
                          "permissions") from error
