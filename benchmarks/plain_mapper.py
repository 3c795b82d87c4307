"""The paper's mapper in the released code's order of layers, which `mindreader.mapping.network` is timed against."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class PlainBlock(nn.Module):
    """x + three convolutions over neighbouring positions (kernels 3, 3, 1), ReLU between them."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.conv3 = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))


class PlainMapper(nn.Module):
    """What `mindreader.mapping.network.ResidualMapper` computes, every layer a Conv1d over (B, channels, positions).

    Parameter names are the library's, so that a state dict loads as it is; one strided layer, an even number of voxels.
    """

    def __init__(self, n_voxels: int, n_dims: int, *, n_blocks: int = 4, hidden: int = 64, fc_hidden: int = 128):
        super().__init__()
        self.stem = nn.ModuleList([nn.Conv1d(1, hidden, 4, stride=2, padding=1)])
        self.blocks = nn.ModuleList(PlainBlock(hidden) for _ in range(n_blocks))
        self.channels = nn.Conv1d(hidden, n_dims, 1)
        self.positions = nn.Conv1d(n_voxels // 2, fc_hidden, 1)
        self.out = nn.Conv1d(fc_hidden, 1, 1)

    def forward(self, betas: Tensor) -> Tensor:
        x = F.relu(self.stem[0](betas[:, None]))                     # [B hidden positions]
        for block in self.blocks:
            x = F.relu(block(x))
        x = F.relu(self.channels(x).transpose(1, 2))                 # [B positions n_dims]
        return self.out(F.relu(self.positions(x)))[:, 0]             # [B n_dims]
