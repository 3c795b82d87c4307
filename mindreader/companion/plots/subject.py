"""Draw the figures of chapter 00: scenes with their masks, a brain with its regions, repeats, sessions."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from scipy.spatial import cKDTree

from .common import COLOURS, bare, figure, headline, slice_levels, styled
from .labels import name_regions

# families of regions, the same on slices and on the flat map
REGIONS = {"V1": "#1f4e8c", "V2": "#4a80c1", "V3": "#86b0dc", "hV4": "#7a6bb5", "faces": "#c8443a", "bodies": "#3f9b5f",
           "places": "#c79a2b", "words": "#b45a9c"}
REST = "#d9d9d6"
GRADE = {"specific": COLOURS["kept"], "partial": "#8a9a3b", "vague": "#b08a3e", "off": COLOURS["dropped"]}
_HALO = [withStroke(linewidth=2.2, foreground="white")]
_FILL = 900     # pixels across a flat map


@styled
def annotated_scenes(images: np.ndarray, outlines: list[list], captions: pd.DataFrame, *, origin: str) -> Figure:
    """Each picture, its marked stuff and things in colours, and its captions with their grades.

    outlines: for each picture a list of `outlines.Outline`; captions: rows image (position), caption, grade.
    """
    fig, axes = figure(8.2, 1.75 * len(images), len(images), 3, origin=origin, width_ratios=[1, 1, 3.1])
    for (left, middle, right), picture, marked, place in zip(axes, images, outlines, range(len(images))):
        left.imshow(picture, interpolation="lanczos")
        masked, named = _masked(picture, marked)
        middle.imshow(masked, interpolation="nearest")
        for (x, y), outline in named:
            weight = "bold" if outline.kind == "thing" else "normal"
            middle.text(x, y, outline.category.replace("-", "\n"), ha="center", va="center", fontsize=5.5,
                        fontweight=weight, path_effects=_HALO, linespacing=0.9, clip_on=True).set_in_layout(False)
        for line, row in enumerate(captions[captions.image == place].itertuples()):
            y, colour = 0.93 - 0.205 * line, GRADE.get(row.grade, COLOURS["truth"])
            right.text(0, y, row.grade, color=colour, fontsize=7.5, va="top", fontweight="bold").set_in_layout(False)
            words = textwrap.fill(row.caption, 68)
            right.text(0.14, y, words, color=colour, fontsize=7.5, va="top", linespacing=1.0).set_in_layout(False)
        for ax in (left, middle, right):
            ax.axis("off")
        right.set(xlim=(0, 1), ylim=(0, 1))
    return fig


@styled
def region_slices(coords: np.ndarray, family: np.ndarray, *, origin: str, title: str, n_slices: int = 3) -> Figure:
    """Axial slices of the volume, each voxel in the colour of its family of regions.

    coords (n_voxels, 3) as in Subject; family (n_voxels,) a key of REGIONS, "" for cortex without a region. Rows and columns without a
    voxel are left out, but for one between the parts that they divide.
    """
    levels = slice_levels(coords, n_slices)
    shown = np.isin(coords[:, 2], levels)
    across, up = (_occupied(coords[shown, way]) for way in (0, 1))
    volume = np.ones((len(across), len(up), coords[:, 2].max() + 1, 3))
    volume[np.searchsorted(across, coords[shown, 0]), np.searchsorted(up, coords[shown, 1]), coords[shown, 2]] = [
        to_rgb(REGIONS.get(name, REST)) for name in family[shown]]
    fig, axes = figure(2.4 * n_slices + 1.1, 0.8 + 2.4 * max(len(up) / len(across), 0.6), 1, n_slices, origin=origin)
    for ax, z in zip(axes[0], levels):
        ax.imshow(volume[:, :, z].swapaxes(0, 1), origin="lower", interpolation="nearest")
        ax.set(xticks=[], yticks=[], xlabel="left · right")
        ax.set_title(f"z = {z}", fontweight="normal")
        ax.spines[:].set_visible(False)
    axes[0, 0].set_ylabel("back · front")
    handles = [Patch(color=colour, label=name) for name, colour in (*REGIONS.items(), ("no region", REST))]
    axes[0, -1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.02, 0.5))
    headline(fig, title)
    return fig


@styled
def flat_maps(table: pd.DataFrame, regions: dict[str, np.ndarray], *, origin: str, title: str) -> Figure:
    """The cortex laid flat twice: its regions by name, and each voxel's noise-ceiling signal-to-noise ratio.

    table: x, y (flat), family, ncsnr, one row for each voxel; regions: name -> (n_voxels,) bool. Where no voxel has an ncsnr
    the figure says so.
    """
    fig, axes = figure(6.6, 6.3, 2, 1, origin=origin)
    flat = table[["x", "y"]].to_numpy()
    nearest, empty, extent = filled_map(flat)
    colours = np.array([to_rgb(REGIONS.get(name, REST)) for name in table.family])
    axes[0, 0].imshow(np.where(empty[..., None], 1, colours[nearest]), extent=extent, origin="lower")
    axes[0, 0].set_title("regions", fontweight="normal")
    ncsnr = np.where(empty, np.nan, table.ncsnr.to_numpy()[nearest])
    is_known = np.isfinite(table.ncsnr).any()
    image = axes[1, 0].imshow(ncsnr, extent=extent, origin="lower", cmap="viridis", vmin=0,
                              vmax=np.nanquantile(table.ncsnr, 0.98) if is_known else 1)
    if not is_known:
        axes[1, 0].text(0.5, 0.5, "not known:\nthere is no ncsnr.nii.gz", ha="center", va="center",
                        transform=axes[1, 0].transAxes)
    axes[1, 0].set_title("ncsnr", fontweight="normal")
    for ax in axes[:, 0]:
        ax.axis("off")
    fig.colorbar(image, ax=axes[1, 0], shrink=0.8, label="ncsnr")
    headline(fig, title)
    name_regions(fig, {name: [(axes[0, 0], side) for side in sides_of(flat, here)] for name, here in regions.items()}, fontsize=6.5)
    return fig


@styled
def repeats(matrix: pd.DataFrame, table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """Correlation between trials of a few pictures, and over all pictures that of repeats against trials of other pictures.

    matrix: square, rows named "picture · trial"; table: same, other.
    """
    fig, axes = figure(8.2, 3.7, 1, 2, origin=origin, width_ratios=[1.15, 1])
    values = matrix.to_numpy().copy()
    np.fill_diagonal(values, np.nan)
    limit = np.nanmax(np.abs(values))
    image = axes[0, 0].imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    fig.colorbar(image, ax=axes[0, 0], label="correlation over voxels", shrink=0.85)
    pictures = [name.split(" · ")[0] for name in matrix.index]
    starts = [n for n in range(len(pictures)) if n == 0 or pictures[n] != pictures[n - 1]]
    for start, end in zip(starts, [*starts[1:], len(pictures)]):
        axes[0, 0].add_patch(Rectangle((start - 0.5, start - 0.5), end - start, end - start, fill=False, lw=0.9,
                                       ec=COLOURS["truth"]))
    middle = [(a + b - 1) / 2 for a, b in zip(starts, [*starts[1:], len(pictures)])]
    axes[0, 0].set(xticks=middle, yticks=middle, xticklabels=[pictures[s] for s in starts],
                   yticklabels=[pictures[s] for s in starts], xlabel="picture (three trials each)", ylabel="picture")
    bins = np.linspace(*np.quantile(table[["same", "other"]], [0, 1]), 40)
    for column, colour, label in (("other", "control", "two pictures"), ("same", "brain", "one picture, two trials")):
        axes[0, 1].hist(table[column], bins=bins, color=COLOURS[colour], alpha=0.75, label=label)
    axes[0, 1].set(xlabel="mean correlation over voxels", ylabel="pictures")
    axes[0, 1].set_ylim(0, axes[0, 1].get_ylim()[1] * 1.25)
    axes[0, 1].legend(loc="upper right")
    headline(fig, title)
    return fig


@styled
def attended(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """One row of trials for each picture: the attended thing is lit; below, the decoded one, red where it is another.

    table: image_id, picture (H, W, 3) uint8, attended, decoded.
    """
    groups = [part for _, part in table.groupby("image_id", sort=False)]
    columns = max(map(len, groups))
    fig, axes = figure(1.75 * columns + 0.4, 2.25 * len(groups) + 0.4, len(groups), columns, origin=origin)
    fig.get_layout_engine().set(h_pad=0.09)
    for row, part in zip(axes, groups):
        for number, (ax, trial) in enumerate(zip(row, part.itertuples()), 1):
            ax.imshow(trial.picture, interpolation="lanczos")
            ax.set_title(f"trial {number}, attends: {trial.attended}", fontsize=7, fontweight="normal", loc="center")
            colour = COLOURS["kept" if trial.decoded == trial.attended else "dropped"]
            ax.set_xlabel(f"decoded: {trial.decoded}", fontsize=7, color=colour)
        for ax in row:
            bare(ax)
    headline(fig, title)
    return fig


@styled
def sessions(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """Session means of voxels before and after z-scoring, and against what was planted where that is known.

    table: voxel, session, before, after, planted.
    """
    known = table.planted.notna().any()
    fig, axes = figure(8.2 if known else 5.8, 2.9, 1, 3 if known else 2, origin=origin)
    for ax, column, label in zip(axes[0], ("before", "after"), ("% signal", "z")):
        for _, part in table.groupby("voxel"):
            ax.plot(part.session, part[column], color=COLOURS["control"], lw=0.6, alpha=0.6)
        limit = 1.05 * table[["before", "after"]].abs().max().max()
        ax.set(xlabel="session", ylabel=f"session mean ({label})", ylim=(-limit, limit))
        ax.set_title(f"{column} z-scoring", fontweight="normal")
        ax.xaxis.get_major_locator().set_params(integer=True)
    if known:
        ax = axes[0, 2]
        ax.plot(table.planted, table.before, ".", ms=3, alpha=0.5, color=COLOURS["brain"])
        ends = [table.planted.min(), table.planted.max()]
        ax.plot(ends, ends, color=COLOURS["truth"], lw=0.8, ls=":")
        ax.set(xlabel="planted offset (% signal)", ylabel="session mean (% signal)")
        ax.set_title("planted and found", fontweight="normal")
    headline(fig, title)
    return fig


@styled
def contrasts(table: pd.DataFrame, *, bar: float, origin: str, title: str) -> Figure:
    """Median t of each region for each contrast; a region's own contrast is framed, red where it misses the bar.

    table: region, contrast, own, value, n_voxels, n_shown.
    """
    regions, names = list(dict.fromkeys(table.region)), list(dict.fromkeys(table.contrast))
    values = table.pivot(index="region", columns="contrast", values="value").loc[regions, names]
    sizes, shown = table.groupby("region").n_voxels.first(), table.groupby("contrast").n_shown.first()
    fig, axes = figure(5.6, 0.27 * len(regions) + 1.3, origin=origin)
    ax, limit = axes[0, 0], np.nanmax(np.abs(values.to_numpy()))
    image = ax.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    fig.colorbar(image, ax=ax, label="t, median over voxels")
    for row in table.dropna(subset="value").itertuples():
        x, y = names.index(row.contrast), regions.index(row.region)
        ax.text(x, y, f"{row.value:.1f}", ha="center", va="center", fontsize=7,
                color="white" if abs(row.value) > 0.6 * limit else COLOURS["truth"])
        if row.own:
            edge = COLOURS["truth"] if row.value > bar else COLOURS["dropped"]
            ax.add_patch(Rectangle((x - 0.47, y - 0.44), 0.94, 0.88, fill=False, ec=edge, lw=1.4))
    ax.set(xticks=range(len(names)), yticks=range(len(regions)), title=title,
           xticklabels=[f"{k}\nn = {shown[k]}" for k in names],
           yticklabels=[f"{r} ({sizes[r]})" for r in regions])
    return fig


def _masked(picture: np.ndarray, marked: list) -> tuple[np.ndarray, list]:
    """The picture under coloured masks, (H, W, 3) in 0..1, and ((x, y), outline) for each name to write."""
    masked, names = picture.mean(2, keepdims=True).repeat(3, 2) / 255 * 0.7 + 0.15, []
    palette = sns.color_palette("husl", max(len(marked), 1))
    covered = np.zeros(picture.shape[:2], bool)
    for colour, outline in reversed(list(zip(palette, marked))):     # the last is in front: it is named and kept whole
        visible = outline.mask & ~covered
        strength = 0.85 if outline.kind == "thing" else 0.55
        masked[visible] = (1 - strength) * masked[visible] + strength * np.array(colour)
        covered |= outline.mask
        if visible.sum() >= 25:
            names.append((_inside(visible), outline))
    return masked, names


def _inside(mask: np.ndarray) -> tuple[float, float]:
    """(x, y) of the pixel of a mask nearest to its centre of mass."""
    y, x = np.nonzero(mask)
    return tuple(np.stack([x, y], 1)[middle_of(np.stack([x, y], 1))].tolist())


def _occupied(places: np.ndarray) -> np.ndarray:
    """The places along an axis that have a voxel, sorted, and the one behind each."""
    return np.union1d(places, places + 1)


def middle_of(points: np.ndarray) -> int:
    """Which of some points lies nearest to their centre of mass."""
    return int(((points - points.mean(0)) ** 2).sum(1).argmin())


def sides_of(flat: np.ndarray, here: np.ndarray) -> list[np.ndarray]:
    """The voxels of a region on a flat map, (n, 2), hemisphere by hemisphere, without one that has none."""
    left = flat[:, 0] < flat[:, 0].mean()
    return [flat[here & side] for side in (left, ~left) if (here & side).any()]


def filled_map(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
    """For each pixel of a flat map the nearest voxel, whether none is near, and the map's extent."""
    tree = cKDTree(flat)
    spacing = 1.6 * np.quantile(tree.query(flat, k=min(4, len(flat)))[0][:, -1], 0.9)
    low, high = flat.min(0) - spacing, flat.max(0) + spacing
    step = max(high - low) / _FILL
    across, up = (np.arange(a, b, step) for a, b in zip(low, high))
    distance, nearest = tree.query(np.stack(np.meshgrid(across, up), -1))
    return nearest, distance > spacing, (low[0], high[0], low[1], high[1])
