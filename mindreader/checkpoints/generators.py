"""Bring a generator of Lafite or Mind Reader, as StyleGAN2-ADA's code saves it, into the form of this library's own.

Its parameters have our names already. What the file does not say is read from the shapes; a network that ours cannot be is
refused by what is different. Source: the released code's `structure` 2 (one condition) and 4 (two).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from .inert import Refused, shorten

Shapes = Mapping[str, tuple[int, ...]]
_FIXED = "resample_filter"      # a filter that is the same in every layer, and that our layers compute
_UNUSED = "mani."               # a network of Lafite's that its generator does not call
ROLES = ("G_ema", "G", "D")


def generator_architecture(parts: Mapping[str, Shapes], settings: Mapping[str, dict]) -> dict:
    """The sizes of both networks, as `generator.StyleGanConfig` has them.

    Parameters
    ----------
    parts : mapping of "G_ema", "G", "D" to shapes by name
    settings : mapping of the same to the keywords that the networks were made with, as far as the file has them

    Raises Refused for networks that ours cannot be.
    """
    shapes = parts.get("G_ema") or parts.get("G") or {}
    keywords = settings.get("G_ema") or settings.get("G") or {}
    try:
        found = _sizes(shapes, keywords, settings.get("D") or {})
    except Refused:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as reason:
        raise Refused(f"a generator whose sizes cannot be made out ({type(reason).__name__}: {shorten(str(reason))})") from reason
    for role in ROLES:
        if role in parts:
            wanted = dict(_discriminator(found) if role == "D" else _generator(found))
            _compare(role, kept_names(parts[role]), wanted)
    return found


def kept_names(shapes: Mapping[str, object]) -> dict[str, object]:
    """What of a published network ours has a place for: all but fixed filters and networks that nothing calls."""
    return {name: value for name, value in shapes.items() if not name.endswith(_FIXED) and not name.startswith(_UNUSED)}


def _sizes(shapes: Shapes, keywords: dict, of_discriminator: dict) -> dict:
    if "synthesis.b4.conv1.affine.weight" in shapes or "synthesis.b4.conv1.pre_0.weight" not in shapes:
        raise Refused("a generator whose styles are made in another way (structure 0, 1 or 3 of the released code, in place of 2 or 4)")
    if "mapping.embed.weight" in shapes:
        raise Refused("a generator that is conditioned on class labels")
    channels = {int(name.split(".")[1][1:]): shape[0] for name, shape in shapes.items()
                if name.startswith("synthesis.b") and name.endswith(".conv1.weight")}
    resolution, most = max(channels), max(channels.values())
    base = channels[resolution] * resolution
    if any(min(base // r, most) != n for r, n in channels.items()) or sorted(channels) != [2**k for k in range(2, len(channels) + 2)]:
        raise Refused(f"a generator with {channels} channels at these resolutions, which follow no rule of StyleGAN2's")
    layers = sum(1 for name in shapes if name.startswith("mapping.fc") and name.endswith(".weight"))
    synthesis = keywords.get("synthesis_kwargs") or {}
    epilogue = of_discriminator.get("epilogue_kwargs") or {}
    clamp = synthesis.get("conv_clamp", 256)    # those of training in half precision; None for none
    if clamp is not None and not float(clamp) > 0:
        raise Refused(f"a generator whose activations are cut at {clamp}")
    return {"resolution": resolution, "z_dim": shapes["mapping.fc0.weight"][1], "w_dim": shapes[f"mapping.fc{layers - 1}.weight"][0],
            "condition_dim": shapes["synthesis.b4.conv1.pre_0.weight"][1], "channel_base": base, "channel_max": most,
            "mapping_layers": layers, "unit_variance_conditions": False, "condition_lr": 0.01,
            "heads": 2 if "synthesis.b4.conv1.pre_01.weight" in shapes else 1,
            "conv_clamp": math.inf if clamp is None else float(clamp),
            "minibatch_group": int(epilogue.get("mbstd_group_size") or 4)}


def _layer(prefix: str, n_in: int, n_out: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{prefix}.weight", (n_out, n_in)
    yield f"{prefix}.bias", (n_out,)


def _generator(a: dict) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of each tensor of a generator of these sizes."""
    widths = [a["z_dim"]] + [a["w_dim"]] * a["mapping_layers"]
    for i, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
        yield from _layer(f"mapping.fc{i}", n_in, n_out)
    yield "mapping.w_avg", (a["w_dim"],)
    hidden = (a["condition_dim"] + a["w_dim"]) // 2
    for r in _resolutions(a):
        n_out, block = _channels(a, r), f"synthesis.b{r}"
        rows = [("conv1", n_out, n_out, 3), ("torgb", n_out, 3, 1)]
        rows += [("conv0", _channels(a, r // 2), n_out, 3)] if r > 4 else []
        if r == 4:
            yield f"{block}.const", (n_out, 4, 4)
        for layer, n_in, n, kernel in rows:
            yield f"{block}.{layer}.weight", (n, n_in, kernel, kernel)
            yield f"{block}.{layer}.bias", (n,)
            yield from _layer(f"{block}.{layer}.affine_0", 2 * a["w_dim"], n_in)
            for head in ("", "1")[:a["heads"]]:
                yield from _layer(f"{block}.{layer}.pre_0{head}", a["condition_dim"], hidden)
                yield from _layer(f"{block}.{layer}.pre_1{head}", hidden, a["w_dim"])
            if layer != "torgb":
                yield f"{block}.{layer}.noise_strength", ()
                yield f"{block}.{layer}.noise_const", (r, r)


def _discriminator(a: dict) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of each tensor of a discriminator of these sizes."""
    for r in _resolutions(a)[:0:-1]:
        n_in, n_out = _channels(a, r), _channels(a, r // 2)
        if r == a["resolution"]:
            yield f"b{r}.fromrgb.weight", (n_in, 3, 1, 1)
            yield f"b{r}.fromrgb.bias", (n_in,)
        for layer, n in (("conv0", n_in), ("conv1", n_out)):
            yield f"b{r}.{layer}.weight", (n, n_in, 3, 3)
            yield f"b{r}.{layer}.bias", (n,)
        yield f"b{r}.skip.weight", (n_out, n_in, 1, 1)
    n = _channels(a, 4)
    yield "b4.conv.weight", (n, n + 1, 3, 3)
    yield "b4.conv.bias", (n,)
    yield from _layer("b4.fc", 16 * n, n)
    yield from _layer("b4.out", n, 1)
    for head in ("", "2")[:a["heads"]]:
        yield from _layer(f"b4.fts{head}", n, a["condition_dim"])


def _resolutions(a: dict) -> list[int]:
    return [2**k for k in range(2, a["resolution"].bit_length())]


def _channels(a: dict, resolution: int) -> int:
    return min(a["channel_base"] // resolution, a["channel_max"])


def _compare(role: str, found: Shapes, wanted: Shapes) -> None:
    for name in sorted(set(wanted) | set(found)):
        have, want = found.get(name), wanted.get(name)
        if have is None or want is None or tuple(have) != tuple(want):
            raise Refused(f"a network {role} whose {shorten(name)} is {_said(have)}, where ours is {_said(want)}")


def _said(shape) -> str:
    return "missing" if shape is None else f"of shape {tuple(shape)}"
