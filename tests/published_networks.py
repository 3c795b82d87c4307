"""Random weights in the published formats of the networks for photographs, written once for a folder."""

from functools import cache

import torch
from torchvision.models import inception_v3, resnet50

INCEPTION_FILE, RESNET_FILE = "pt_inception-2015-12-05-6726825d.pth", "resnet50.pth"


def random_state(net, seed):
    """A state dict with running statistics of its own, so that a wrong use of them is seen."""
    rng = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in net.state_dict().items():
        if name.endswith("running_var"):
            state[name] = torch.rand(tensor.shape, generator=rng) + 0.5
        elif name.endswith("running_mean"):
            state[name] = torch.randn(tensor.shape, generator=rng) / 10
        elif tensor.ndim > 1:
            state[name] = torch.randn(tensor.shape, generator=rng) * (1 / tensor[0].numel()) ** 0.5
        else:
            state[name] = tensor.clone()
    return state


@cache
def inception_state():
    """Of the Inception of FID, as pytorch-fid publishes it."""
    return random_state(inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False), 1)


@cache
def resnet_state():
    """Of VICReg's ResNet-50, which has no classifier."""
    return {name: tensor for name, tensor in random_state(resnet50(weights=None), 2).items() if not name.startswith("fc.")}


def write_networks(folder):
    """Both files, as their authors publish them; gives the folder."""
    torch.save(inception_state(), folder / INCEPTION_FILE)
    torch.save(resnet_state(), folder / RESNET_FILE)
    return folder
