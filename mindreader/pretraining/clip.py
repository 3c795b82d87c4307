"""Pretrain a small CLIP on the simulated world, by open_clip's own model and loss."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
from open_clip.transformer import text_global_pool
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from .. import training
from ..core import atomic_write, weights
from ..embedding import ClipEmbedder, CompactTokenizer
from ..world import STUFF, THINGS, World

PROMPT = "a photo of {}"
PREPROCESS = {"size": 64}
N_PROMPTS = 4  # short prompts drawn once for each scene
FILE = "open_clip_model.safetensors"
# Standard deviation of the raw coordinates, so that clamping at 1.5 means what it means to ViT-B/32
# (released code: 0.4602 for pictures).
RAW_STD = 0.46


@dataclass(frozen=True)
class ClipRecipe:
    """How the small CLIP is trained; `grades` are shares of caption kinds, "prompt" names categories only."""

    minutes: float = 24
    batch: int = 256
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    seed: int = 0
    width: int = 24  # of the picture tower
    layers: tuple[int, int, int, int] = (1, 2, 2, 1)
    text_layers: int = 3
    n_dims: int = 128
    context_length: int = 48
    rough: float = 0.3  # share of pictures that are heavily cropped, masked or grey
    grades: tuple[tuple[str, float], ...] = (
        ("specific", 0.62), ("partial", 0.17), ("prompt", 0.18), ("vague", 0.03))


def architecture(recipe: ClipRecipe, vocab_size: int) -> dict:
    """The model in open_clip's own terms (`model_cfg`)."""
    return {
        "embed_dim": recipe.n_dims,
        "vision_cfg": {"image_size": PREPROCESS["size"], "layers": list(recipe.layers), "width": recipe.width,
                       "head_width": 64},
        "text_cfg": {"context_length": recipe.context_length, "vocab_size": vocab_size, "width": 128,
                     "heads": 4, "layers": recipe.text_layers},
    }


def pretrain_clip(world: World, folder: Path, recipe: ClipRecipe | None = None, *, resume: bool = False,
                  progress=None) -> dict:
    """Train the small CLIP on a world and save it where open_clip's `local-dir:` finds it; gives the card.

    Parameters
    ----------
    world : World
    folder : Path
        Gets open_clip_config.json, open_clip_model.safetensors and card.json.
    recipe : ClipRecipe, optional
    resume : bool
        Go on from the checkpoint of an interrupted training.
    progress : callable, optional
    """
    recipe = recipe or ClipRecipe()
    prompts = [_prompts(row, np.random.default_rng([recipe.seed, 7, i]))
               for i, row in enumerate(world.factors.to_dict("records"))]
    every = {s for five in world.captions for s, _ in five} | {s for four in prompts for s in four}
    tokenizer = CompactTokenizer(CompactTokenizer.known(sorted(every | set(category_prompts().values()))),
                                 recipe.context_length)
    config = {"model_cfg": architecture(recipe, tokenizer.vocab_size), "preprocess_cfg": PREPROCESS,
              "vocabulary": tokenizer.tokens}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        module = open_clip.CLIP(**config["model_cfg"])
        seen = open_clip.transform.PreprocessCfg(**PREPROCESS)
        open_clip.model.set_model_preprocess_cfg(module, asdict(seen))
    module.visual.to(memory_format=torch.channels_last)
    batches = _Batches(world, prompts, tokenizer, module, recipe)
    module.train()
    budget = training.Budget(recipe.minutes, recipe.learning_rate, recipe.weight_decay)
    outcome = training.pretrain("clip", module, batches.loss, budget, resume=resume, progress=progress,
                           score=lambda: _brief(score_clip(module, tokenizer, world)))
    calibrate(module, tokenizer, world)
    return save_clip(folder, module, tokenizer, config, world, recipe, outcome)


def save_clip(folder: Path, module: nn.Module, tokenizer, config: dict, world: World, recipe: ClipRecipe,
              outcome: dict) -> dict:
    """Write model, open_clip config and card; the scores are those of the weights as stored."""
    module.eval()
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())
    with atomic_write(folder / "open_clip_config.json") as temporary:
        temporary.write_text(json.dumps(config) + "\n", encoding="utf-8")
    card = {"name": "clip", "architecture": config["model_cfg"],
            "recipe": asdict(recipe) | {"steps": outcome["steps"]}, "data": world.card_entry(),
            "seed": recipe.seed, "minutes": outcome["minutes"], "hardware": training.hardware(),
            "scores": score_clip(module, tokenizer, world), "curve": outcome["curve"]}
    return weights.save_part(folder, module.state_dict(), card, file=FILE)


def category_prompts() -> dict[str, str]:
    """The short sentence that stands for each category, by its name."""
    names = [kind.name for kind in THINGS.values()] + [name for name, _ in STUFF.values()]
    return {name: PROMPT.format(_with_article(name)) for name in names}


def score_clip(module: nn.Module, tokenizer, world: World) -> dict:
    """Score a CLIP on held-out scenes.

    Returns
    -------
    dict
        top1_captions, top1_pictures : picture to its specific caption among 300 and back;
        category_auc, category_auc_things : zero-shot, mean over categories with 10 or more held-out pictures;
        screening_auc : specific captions above the others, by the 5-way softmax; logit_scale; cos_matched.
    """
    from sklearn.metrics import roc_auc_score
    clip = ClipEmbedder(module, tokenizer)
    module.requires_grad_(True)
    rows = world.held_out
    pictures = _unit(clip.images(np.asarray(world.pictures[rows])))
    five = [world.captions[i] for i in rows]
    texts = _unit(clip.texts([s for one in five for s, _ in one])).reshape(len(rows), 5, -1)
    grades = np.array([[g for _, g in one] for one in five])
    first = np.array([list(one).index("specific") for one in grades])
    matched = texts[np.arange(len(rows)), first]
    to_caption, to_picture = _top1(pictures, matched, min(300, len(rows)))
    names = category_prompts()
    likeness = pictures @ _unit(clip.texts(list(names.values()))).T
    truth = world.factors.iloc[rows][[f"has_{n}" for n in names]].to_numpy()
    enough = [k for k in range(len(names)) if 10 <= truth[:, k].sum() <= len(rows) - 10]
    aucs = {k: roc_auc_score(truth[:, k], likeness[:, k]) for k in enough}
    own = np.einsum("nd,ncd->nc", pictures, texts) * clip.logit_scale
    chance = np.exp(own - own.max(1, keepdims=True))
    chance /= chance.sum(1, keepdims=True)
    module.train()
    scores = {"top1_captions": to_caption, "top1_pictures": to_picture,
              "category_auc": float(np.mean(list(aucs.values()))) if aucs else float("nan"),
              "category_auc_things": float(np.mean([v for k, v in aucs.items() if k < len(THINGS)]
                                                   or np.nan)),
              "screening_auc": float(roc_auc_score((grades == "specific").ravel(), chance.ravel())),
              "logit_scale": clip.logit_scale, "cos_matched": float((pictures * matched).sum(1).mean()),
              "category_auc_each": {list(names)[k]: round(float(v), 3) for k, v in aucs.items()}}
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in scores.items()}


def calibrate(module: nn.Module, tokenizer, world: World, n: int = 1000) -> None:
    """Scale both towers' last layer to a standard deviation of `RAW_STD` per coordinate; no angle changes."""
    module.eval()
    rows = world.train[:n]
    clip = ClipEmbedder(module, tokenizer)
    with torch.no_grad():
        pictures = RAW_STD / clip.images(np.asarray(world.pictures[rows])).std()
        texts = RAW_STD / clip.texts([world.captions[i][0][0] for i in rows]).std()
        module.visual.attnpool.c_proj.weight.mul_(float(pictures))
        module.visual.attnpool.c_proj.bias.mul_(float(pictures))
        module.text_projection.mul_(float(texts))


class _Batches:
    """Batches of pictures with one sentence each, and open_clip's loss on them."""

    def __init__(self, world: World, prompts: list[list[str]], tokenizer, module: nn.Module,
                 recipe: ClipRecipe):
        self.world, self.module, self.recipe = world, module, recipe
        self.criterion = open_clip.ClipLoss()
        kinds = dict(recipe.grades)
        self.kinds, self.shares = list(kinds), np.array(list(kinds.values())) / sum(kinds.values())
        self.tokens: dict[str, Tensor] = {}
        rows = world.train
        for kind in self.kinds:
            if kind == "prompt":
                lists = [prompts[i] for i in rows]
            else:
                lists = [[s for s, grade in world.captions[i] if grade == kind] for i in rows]
            if len({len(one) for one in lists}) != 1:
                raise ValueError(f"found scenes with different numbers of {kind!r} captions, expected as "
                                 "many in each; check the world's captions")
            tokens = tokenizer([s for one in lists for s in one])
            self.tokens[kind] = tokens.reshape(len(rows), len(lists[0]), -1)

    def loss(self, step: int) -> tuple[Tensor, dict]:
        rng = np.random.default_rng([self.recipe.seed, 1, step])
        rows = _epoch_rows(step, self.recipe.batch, len(self.world.train), self.recipe.seed)
        pictures = augment(torch.from_numpy(self.world.pictures[rows]), rng, rough=self.recipe.rough)
        kinds = rng.choice(len(self.kinds), len(rows), p=self.shares)
        chosen = []
        for row, kind in zip(rows, kinds):
            options = self.tokens[self.kinds[kind]][row]
            chosen.append(options[int(rng.integers(len(options)))])
        tokens = torch.stack(chosen)
        # on short rows the plain attention is twice as fast as the fused one
        with training.mixed_precision("bfloat16"), sdpa_kernel(SDPBackend.MATH):
            image = self.module.encode_image(pictures)
            text = encode_short(self.module, tokens)
        scale = self.module.logit_scale.exp().clamp(max=100)
        loss = self.criterion(F.normalize(image.float(), dim=1), F.normalize(text.float(), dim=1), scale)
        return loss, {"logit_scale": round(float(scale.detach()), 1)}


def encode_short(module: nn.Module, tokens: Tensor) -> Tensor:
    """open_clip's `encode_text` without columns that only pad; attention is causal, so no embedding changes."""
    n = int((tokens != 0).sum(1).max())
    x = module.token_embedding(tokens[:, :n]) + module.positional_embedding[:n]
    x = module.ln_final(module.transformer(x, attn_mask=module.attn_mask[:n, :n]))
    return text_global_pool(x, tokens[:, :n], module.text_pool_type) @ module.text_projection


def augment(pixels: Tensor, rng: np.random.Generator, crop: float = 0.12, rough: float = 0.0) -> Tensor:
    """Pictures as CLIP takes them, slightly cropped, tinted and grainy, unflipped (captions say left, right).

    A share `rough` of them is treated as the image mapper's and the generator's losses will treat pictures: cropped by
    up to 45 %, a square of 3/10 of the side blacked out, one in five without colour. A CLIP of photographs has seen all
    that; this one would else take it for another picture.

    (n, h, w, 3) uint8 -> N3HW float32, normalised with CLIP's mean and standard deviation, channels last.
    """
    n, height, width = pixels.shape[:3]
    x = pixels.permute(0, 3, 1, 2).float() / 255
    roughly = rng.random(n) < rough
    scale = 1 - np.where(roughly, 0.45, crop) * rng.random(n)
    shift = (1 - scale)[:, None] * rng.uniform(-1, 1, (n, 2))
    theta = np.zeros((n, 2, 3), np.float32)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    grid = F.affine_grid(torch.from_numpy(theta), (n, 3, height, width), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    gain = rng.uniform(0.88, 1.12, (n, 1, 1, 1)) * rng.uniform(0.96, 1.04, (n, 3, 1, 1))
    grain = 0.02 * rng.standard_normal((n, 3, height, width), dtype=np.float32)
    x = x * torch.from_numpy(gain.astype(np.float32)) + torch.from_numpy(grain)
    for i in np.flatnonzero(roughly):
        top, left = rng.integers(-height // 7, height, 2)
        x[i, :, max(top, 0):max(top + round(0.3 * height), 0), max(left, 0):max(left + round(0.3 * width), 0)] = 0
        if rng.random() < 0.2:
            x[i] = x[i].mean(0, keepdim=True)
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).reshape(1, 3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).reshape(1, 3, 1, 1)
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def _epoch_rows(step: int, batch: int, n: int, seed: int) -> np.ndarray:
    """Rows of batch number `step` when every epoch is a fresh shuffle, ascending within the batch."""
    per_epoch = max(n // batch, 1)
    order = np.random.default_rng([seed, 2, step // per_epoch]).permutation(n)
    start = step % per_epoch * batch
    return np.sort(order[start:start + batch])


def _prompts(row: dict, rng: np.random.Generator) -> list[str]:
    """Short sentences that name one to three of a scene's categories."""
    present = [k.removeprefix("has_") for k, v in row.items() if k.startswith("has_") and v]
    things = [n for n in present if n in {kind.name for kind in THINGS.values()}]
    out = []
    for _ in range(N_PROMPTS):
        pool = things if things and rng.random() < 0.7 else present
        names = rng.permutation(pool)[: int(rng.choice((1, 2, 3), p=(0.65, 0.25, 0.1)))]
        start = PROMPT if rng.random() < 0.6 else str(rng.choice(("{}", "a picture of {}", "there is {}")))
        out.append(start.format(" and ".join(_with_article(str(n)) for n in names)))
    return out


def _with_article(name: str) -> str:
    """A category as one says it: "a dog", "grass", "a brick wall" ("wall-brick" in COCO-Stuff)."""
    if name in {n for n, _ in STUFF.values()}:
        word, _, kind = name.partition("-")
        name = word if kind in ("", "other") else f"{kind} {word}"
        if name in ("grass", "dirt", "sand", "sea", "sky", "snow"):
            return name if name not in ("sea", "sky") else f"the {name}"
    return ("an " if name[0] in "aeiou" else "a ") + name


def _top1(pictures: np.ndarray, captions: np.ndarray, n: int) -> tuple[float, float]:
    """Share of pictures nearest to their caption among n, and of captions; mean over sets of n rows."""
    nearest = [pictures[i:i + n] @ captions[i:i + n].T for i in range(0, len(pictures) - n + 1, n)]
    right = np.arange(n)
    return tuple(float(np.mean([(s.argmax(axis) == right).mean() for s in nearest])) for axis in (1, 0))


def _unit(embeddings: np.ndarray) -> np.ndarray:
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def _brief(scores: dict) -> dict:
    return {k: v for k, v in scores.items() if isinstance(v, float)}
