"""The paper's Figure 1 as code: each stage is made once, kept, and found again by any notebook.

    pictures + captions ── CLIP ───────▶ embeddings ┐ train
    brain activity ─────── two mappers ▶ embeddings ┴▶ generator ▶ pictures ▶ scores
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd

from . import embedding, extractors, generator, mapping, nsd, twin
from .core import Store, check_device, home, nsd_root, progress, source_fingerprint
from .core.weights import load_part
from .experiments import CONDITIONS, NOTHING, Experiment
from .generator import PSEUDO_NOISE, Watch
from .limits import KnowsItsPictures
from .mapping import MappingConfig, first_phase
from .records import SPACES, Diverged, Embeddings, Reconstructions, Split, Stimuli, Subject

# A stage: the earlier stages and the parts of the experiment that could change it, the code that makes it (with all that it
# reaches, see `meaning`), and the pretrained weights that it uses. Walked to make its key, so that changing the generator
# never refits a mapper.
NEEDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "subject": (("subject", "seed", "data", "twin"), ("Pipeline.subject",), ()),
    "embeddings": (("subject", "embed"), ("Pipeline.embeddings", "Pipeline.augmented"), ("clip",)),
    "captions": (("embeddings", "screen"), ("Pipeline.stimuli",), ()),
    "mapped": (("captions", "mapping", "device"), ("Pipeline.decoded", "Pipeline.mapped"), ()),
    "baselines": (("captions", "mapping"), ("Pipeline.ridge", "Pipeline.mlp"), ()),
    "low level": (("subject",), ("Pipeline.low_level",), ("resnet",)),
    "mapped low": (("low level", "mapping", "device"), ("Pipeline.decoded",), ()),
    "features": (("subject",), ("Pipeline.true_features",), ("feature",)),
    "starting distance": (("mapped", "start"), ("studies.mapping_grid:starting_distance", "Pipeline.reconstruct",
                                                "Pipeline.picture_features"), ("feature",)),
    "pseudo generator": (("captions", "gan", "device"), ("Pipeline.beginning",), ("resnet",)),
    "generator": (("mapped", "pseudo generator", "start", "end_to_end"), ("Pipeline.generator", "Pipeline.conditions"), ()),
    "reconstructions": (("generator",), ("studies.sources:sources", "Pipeline.reconstruct"), ()),
    "categories": (("mapped", "category"), ("companion.ch05_category_auc.inputs:classifier",), ()),
    "linear encoding": (("captions", "mapping", "device"), ("companion.ch06_encoding_cycle.spaces:linear_predictions",), ()),
    "category resnet": (("categories",), ("companion.ch05_category_auc.inputs:resnet_mapped",), ("resnet",)),
    "encoder": (("embeddings", "encoder"), ("Pipeline.encoder",), ()),
}


class Pipeline(KnowsItsPictures):
    """One experiment, stage by stage; a stage runs when first asked for, or is found in the store.

    Parameters
    ----------
    experiment : Experiment
    store : Store, optional
        Where finished stages are kept; by default the user's cache, outside the repository.

    Raises ParameterError for a device that this machine does not have. A network that knows nothing of the subject's pictures
    is refused where it is asked for, before any is read (Unfit; see `check_networks`).
    """

    def __init__(self, experiment: Experiment, store: Store | None = None):
        check_device(experiment.device)
        self.experiment = experiment
        self.store = store or Store()
        self.memo: dict = {}  # what one notebook asks for several times and is not worth a place in the store

    # ── the subject ────────────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def subject(self) -> Subject:
        """Pictures, captions, annotations, betas, regions and the split, from an NSD folder, real or simulated."""
        at = self.layout
        return nsd.load_subject(at.root, at.name, self.experiment.data, cache=home() / "cache", progress=progress)

    @cached_property
    def layout(self) -> nsd.Layout:
        """Where the files of this subject are; a simulated one is made first if need be."""
        e = self.experiment
        if e.subject.startswith("twin"):
            root = twin.ensure_twin(home(), e.twin, seed=e.child_seed(e.subject))
            return nsd.Layout(root, twin.SUBJECT, e.data.betas)
        return nsd.Layout(nsd_root(), e.subject, e.data.betas)

    @property
    def origin(self) -> str:
        """"twin" or "nsd"; every figure and table shows it."""
        return self.subject.origin

    @property
    def split(self) -> Split:
        """Which pictures train, validate and test."""
        return self.subject.split

    @cached_property
    def plant(self):
        """What was planted in the simulated subject; only for panels that ask "did we recover it"."""
        return twin.read_plant(self.layout.root)

    # ── the shared space ───────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def clip(self) -> embedding.ClipEmbedder:
        """CLIP, as the experiment's embed settings name it."""
        self.check_networks()
        return embedding.load_clip(self.experiment.embed).on(self.experiment.device)

    @cached_property
    def embeddings(self) -> dict[str, Embeddings]:
        """CLIP's embedding of each picture ("image") and of each of its captions ("caption", several for a picture)."""
        embed = {"image": embedding.embed_pictures, "caption": embedding.embed_captions}
        return {space: self._embed("embeddings", {"space": space}, embed[space], lambda: self.clip) for space in SPACES}

    @cached_property
    def caption_scores(self) -> pd.DataFrame:
        """How well each caption fits its picture, and whether it is kept (paper §2.1)."""
        return embedding.score_captions(self.subject.stimuli, self.embeddings["image"], self.embeddings["caption"],
                                        logit_scale=self.clip.logit_scale, config=self.experiment.screen)

    @cached_property
    def stimuli(self) -> Stimuli:
        """The stimuli with only the captions that survived screening."""
        return embedding.keep_matching(self.subject.stimuli, self.caption_scores)

    @cached_property
    def targets(self) -> dict[str, Embeddings]:
        """What the mappers are fitted to, before clamping: the embeddings of the picture and of its kept captions."""
        return {"image": self.embeddings["image"],
                "caption": embedding.keep_embeddings(self.embeddings["caption"], self.caption_scores)}

    @cached_property
    def truth(self) -> dict[str, Embeddings]:
        """One unit-length clamped embedding for each picture and space: the mean of its kept captions for "caption"."""
        return {space: mapping.targets(self.targets[space].per_image(), self.experiment.mapping.clamp) for space in SPACES}

    @cached_property
    def low_level(self) -> Embeddings:
        """Low-level features of each picture, within [0, 1]: what the third mapper is fitted to (paper Table 4)."""
        features = self._embed("low level", {}, embedding.embed_pictures, self.low_level_net)
        return replace(mapping.low_level_targets(features, self.split.train), space="resnet")

    def low_level_net(self, level: str = "low") -> extractors.LowLevelNet | extractors.ResNet50:
        """The self-supervised network, for photographs VICReg's ResNet-50 (Unfit if missing); level: as of `load_resnet`."""
        return extractors.load_resnet(level, photographs=self.shows_photographs).on(self.experiment.device)

    def aims(self, space: str) -> Embeddings:
        """What the mapper to "image", "caption" or "resnet" is fitted to, before clamping and scaling."""
        return self.low_level if space == "resnet" else self.targets[space]

    @cached_property
    def augmented(self) -> np.ndarray:
        """CLIP's embeddings of augmented versions of the pictures, (n_versions, n_images, n_dims) in the stimuli's order."""
        key = self.key("embeddings", {"space": "image", "what": "augmented"})

        def make(folder: Path, n_versions: int = 4) -> None:
            np.save(folder / "augmented.npy", embedding.embed_augmented(
                self.subject.stimuli, self.clip, n_versions, seed=self.experiment.child_seed("augment"),
                kept=self.store.workspace("embeddings", key), progress=progress))

        return self.store.fetch("embeddings", key, make, lambda folder: np.load(folder / "augmented.npy", allow_pickle=False))

    # ── from the brain ─────────────────────────────────────────────────────────────────────────────────────────────
    def mapper(self, space: str, recipe: MappingConfig | None = None, repeat: int = 0) -> mapping.FittedMapper:
        """The network from activity to CLIP's image or caption space, or to the low-level features (paper §2.2).

        Parameters
        ----------
        space : "image", "caption" or "resnet"
        recipe : MappingConfig, optional
            Instead of the experiment's. A first phase that several recipes share is trained once, for all of them.
        repeat : int
            The same recipe from another seed.
        """
        recipe = self.recipe(space, recipe)
        stage, key = self.mapper_key(space, recipe, repeat)

        def make(folder: Path) -> None:
            first = first_phase(recipe)
            fitted = mapping.fit_mapper(
                self.subject.train, self.subject.validation, self.aims(space), recipe,
                seed=self.experiment.child_seed(f"mapping/{space}" + (f"/{repeat}" if repeat else "")),
                augmented=self.augmented if space == "image" and recipe.augment else None, device=self.experiment.device,
                start=self.mapper(space, first, repeat) if first else None,
                checkpoint=self.store.workspace(stage, key) / "checkpoint.pt", progress=progress)
            fitted.save(folder)

        return self.store.fetch(stage, key, make, lambda folder: mapping.FittedMapper.load(folder).on(self.experiment.device))

    def recipe(self, space: str, recipe: MappingConfig | None = None) -> MappingConfig:
        """The recipe, or the experiment's, for a mapper to this space: with as many entries in `epochs` as phases."""
        recipe = recipe or self.experiment.mapping
        recipe = mapping.low_level_recipe(recipe) if space == "resnet" else recipe
        return replace(recipe, epochs=recipe.epochs[:len(recipe.phases)])

    def mapper_key(self, space: str, recipe: MappingConfig, repeat: int = 0) -> tuple[str, dict]:
        """Name and key of the stage that keeps this `mapper`."""
        stage = "mapped low" if space == "resnet" else "mapped"
        return stage, self.key(stage, {"space": space} | ({"repeat": repeat} if repeat else {}), mapping=recipe)

    def decoded(self, space: str, recipe: MappingConfig | None = None, repeat: int = 0) -> Embeddings:
        """What that `mapper` decodes from each validation trial.

        Raises Diverged where its training did; that is kept too, so that it is not tried again.
        """
        recipe = self.recipe(space, recipe)
        stage, key = self.mapper_key(space, recipe, repeat)

        def make(folder: Path) -> None:
            try:
                self.mapper(space, recipe, repeat).predict(self.subject.validation).save(folder)
            except Diverged as reason:
                (folder / "diverged.txt").write_text(str(reason), encoding="utf-8")

        return self.store.fetch(stage, key | {"what": "validation"}, make, _load_embeddings_or_raise)

    @cached_property
    def mapped(self) -> dict[str, Embeddings]:
        """What the two mappers decode from each trial; all trials, training and validation."""
        return {space: self._keep_embeddings("mapped", {"space": space, "what": "predictions"},
                                             lambda space=space: self.mapper(space).predict(self.subject.trials))
                for space in SPACES}

    @cached_property
    def ridge(self) -> dict[str, Embeddings]:
        """The same decoded by ridge regression, a baseline for the mappers."""
        e = self.experiment
        return self._baseline("ridge", lambda space: mapping.fit_ridge(
            self.subject.train, self.targets[space], clamp=e.mapping.clamp, seed=e.child_seed("ridge"), device=e.device))

    @cached_property
    def mlp(self) -> dict[str, Embeddings]:
        """The same decoded by a residual network of fully connected layers, trained by the mappers' recipe."""
        e = self.experiment
        return self._baseline("mlp", lambda space: mapping.fit_mlp(
            self.subject.train, self.subject.validation, self.targets[space], e.mapping, seed=e.child_seed(f"mlp/{space}"),
            device=e.device, progress=progress, augmented=self.augmented if space == "image" else None))

    def _baseline(self, what: str, fit) -> dict[str, Embeddings]:
        return {space: self._keep_embeddings("baselines", {"space": space, "what": what},
                                             lambda space=space: fit(space).predict(self.subject.trials)) for space in SPACES}

    def validation(self, embeddings: Embeddings) -> Embeddings:
        """Only the embeddings whose picture is on the validation side."""
        return embeddings.take(np.isin(embeddings.image_ids, self.split.validation))

    def training(self, embeddings: Embeddings) -> Embeddings:
        """Only the embeddings whose picture is on the training side."""
        return embeddings.take(np.isin(embeddings.image_ids, self.split.train))

    # ── pictures ───────────────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def start(self) -> generator.TrainedGan:
        """The language-free generator as pretrained: one head, nothing finetuned.

        Raises ValueError where it does not fit the pictures or the embedding, LayoutError where it is missing.
        """
        self.check_networks(("start",))
        trained = generator.TrainedGan.from_part(*load_part(self.experiment.start))
        has = (trained.network.resolution, trained.network.condition_dim)
        wants = (self.subject.stimuli.images.shape[1], self.clip.n_dims)
        if has != wants:
            raise ValueError(f"the generator {self.experiment.start!r} makes {has[0]} px from {has[1]} dimensions, expected "
                             f"{wants[0]} px from {wants[1]}; name the folder of one that fits with the override 'start'")
        return trained

    def beginning(self, cond: str) -> generator.TrainedGan:
        """What finetuning with this condition starts from: the pretrained generator, with its head doubled for "both".

        Where nothing is pretrained (start "none"), a generator trained on the training pictures alone, from pseudo
        conditions: their own true embeddings, drowned in noise (paper §2.3, its last resort). Departs: D-46.
        """
        heads = CONDITIONS[cond]
        if self.experiment.start != NOTHING:
            return self.start.widened() if len(heads) == 2 else self.start
        key = self.key("pseudo generator", {"cond": cond})

        def make(folder: Path) -> None:
            size, n_dims = self.subject.stimuli.images.shape[1], self.clip.n_dims
            config = self.experiment.gan
            config = replace(config, kimg=config.pseudo_kimg, noise_levels=(PSEUDO_NOISE, PSEUDO_NOISE), ema_rampup=0.05,
                             network=replace(config.network, resolution=size, condition_dim=n_dims))
            self._train(cond, {head: self.training(self.truth[head]) for head in heads}, config, None,
                        f"pseudo/{cond}", self.store.workspace("pseudo generator", key)).save(folder)

        return self.store.fetch("pseudo generator", key, make, generator.TrainedGan.load)

    def generator(self, cond: str) -> generator.TrainedGan:
        """The generator finetuned on this brain's decoded embeddings, conditioned on "img", "cap" or "both" (paper §2.3)."""
        return self._finetuned(cond, generator.TrainedGan.load)

    def conditions(self, cond: str) -> dict[str, Embeddings]:
        """The embeddings that this generator is conditioned on, by space: those of the frozen mappers (`mapped`).

        With end_to_end, those of its own heads' mappers, which were trained along with it.
        """
        if not self.experiment.end_to_end:
            return self.mapped

        def decode(space: str) -> Embeddings:
            mapper = self._finetuned(cond, lambda folder: mapping.FittedMapper.load(folder / space))
            return mapper.on(self.experiment.device).predict(self.subject.trials)

        return self.mapped | {space: self._keep_embeddings("generator", {"cond": cond, "conditions": space},
                                                           partial(decode, space)) for space in CONDITIONS[cond]}

    def _finetuned(self, cond: str, load):
        key = self.key("generator", {"cond": cond})

        def make(folder: Path) -> None:
            repeat = self.experiment.gan.repeat
            room, start = self.store.workspace("generator", key), self.beginning(cond)
            name = f"gan/{cond}" + (f"/{repeat}" if repeat else "")
            if not self.experiment.end_to_end:
                self._train(cond, {head: self.training(self.mapped[head]) for head in CONDITIONS[cond]},
                            self.experiment.gan, start, name, room).save(folder)
                return
            mappers, trials = {head: self.mapper(head) for head in CONDITIONS[cond]}, self.subject.train
            together = generator.train_jointly(
                self.subject.stimuli.images, self._rows(trials.image_ids), trials.betas,
                [self.truth[head].at(trials.image_ids) for head in mappers], [m.network for m in mappers.values()],
                self.experiment.gan, weight=self.experiment.end_to_end, start=start, on_tick=self._watch(cond, room),
                **self._helpers(name, room))
            together.generator.save(folder)
            for (head, mapper), network in zip(mappers.items(), together.networks):
                replace(mapper, network=network).save(folder / head)

        return self.store.fetch("generator", key, make, load)

    def _train(self, cond: str, embeddings: dict[str, Embeddings], config: generator.GanConfig, start, seed: str,
               room: Path) -> generator.TrainedGan:
        rows = self._rows(embeddings[CONDITIONS[cond][0]].image_ids)
        return generator.train_gan(self.subject.stimuli.images, rows, tuple(e.vectors for e in embeddings.values()), config,
                                   start=start, on_tick=self._watch(cond, room), **self._helpers(seed, room))

    def _rows(self, image_ids: np.ndarray) -> np.ndarray:
        """Where these pictures stand among the stimuli."""
        return pd.Index(self.subject.stimuli.ids).get_indexer(image_ids)

    def _watch(self, cond: str, room: Path, n: int = 8) -> Watch:
        """Samples for n validation pictures: from the first trial of each, decoded, and from its true embedding."""
        brain = {head: self.validation(self.mapped[head]) for head in CONDITIONS[cond]}
        ids, first = (x[:n] for x in np.unique(brain[CONDITIONS[cond][0]].image_ids, return_index=True))
        decoded = tuple(embeddings.vectors[first] for embeddings in brain.values())
        true = tuple(self.truth[head].at(ids) for head in CONDITIONS[cond])
        return Watch(self.subject.stimuli.images[self._rows(ids)], (decoded, true), room)

    def _helpers(self, seed: str, room: Path) -> dict:
        """What every training of a generator is given."""
        device = self.experiment.device
        low_level = self.low_level_net().low_level if self.experiment.gan.low_level else None
        return dict(clip=self.clip.on(device), low_level=low_level, seed=self.experiment.child_seed(seed), device=device,
                    checkpoint=room / "checkpoint.pt", progress=progress)

    def reconstruct(self, embeddings: dict[str, Embeddings], cond: str, *, finetuned: bool = True,
                    n_draws: int = 1) -> Reconstructions:
        """Pictures from embeddings, by the finetuned generator or by the one it started from; the same z for all rows."""
        heads = CONDITIONS[cond]
        trained = self.ready(self.generator(cond) if finetuned else self.beginning(cond))
        return generator.reconstruct({h: embeddings[h] for h in heads}, trained, heads=heads, n_draws=n_draws,
                                     seed=self.experiment.child_seed("z"), progress=progress)

    def ready(self, trained: generator.TrainedGan) -> generator.TrainedGan:
        """The generator on the device of this run, and in the number format in which it was trained."""
        return replace(trained, device=self.experiment.device, precision=self.experiment.gan.precision)

    @cached_property
    def feature_net(self) -> extractors.FeatureNet | extractors.InceptionNet:
        """The evaluation network: for scoring only, in no training loss; for photographs that of FID (Unfit if missing)."""
        return extractors.load_feature_net(photographs=self.shows_photographs).on(self.experiment.device)

    def picture_features(self, pictures: Reconstructions) -> Embeddings:
        """Reconstructions in the evaluation network's space."""
        return embedding.embed_reconstructions(pictures, self.feature_net, progress=progress)

    @cached_property
    def true_features(self) -> Embeddings:
        """Every stimulus in the evaluation network's space."""
        return self._embed("features", {}, embedding.embed_pictures, lambda: self.feature_net)

    # ── the way back ──────────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def encoder(self) -> mapping.FittedEncoder:
        """The network that predicts activity from CLIP's embedding of a picture (paper A.8)."""
        key = self.key("encoder", {})

        def make(folder: Path) -> None:
            mapping.fit_encoder(self.truth["image"], self.subject.train, self.subject.validation, self.experiment.encoder,
                                seed=self.experiment.child_seed("encoder"), device=self.experiment.device, progress=progress,
                                checkpoint=self.store.workspace("encoder", key) / "checkpoint.pt").save(folder)

        return self.store.fetch("encoder", key, make, lambda folder: mapping.FittedEncoder.load(folder).on(self.experiment.device))

    # ── keeping ────────────────────────────────────────────────────────────────────────────────────────────────────
    def keep(self, stage: str, extra: dict, make, load):
        """What `load` reads from a stage of NEEDS, told apart by `extra`; `make` writes it first if it is not there."""
        return self.store.fetch(stage, self.key(stage, extra), make, load)

    def key(self, stage: str, extra: dict, **others) -> dict:
        """Everything that could change this stage: settings, code and weights of it and of what it is made from.

        others: parts of the experiment that stand for its own, e.g. mapping=another recipe.
        """
        settings, code, parts = _closure(stage)
        self.check_networks(settings)
        parts |= {self.experiment.start} - {NOTHING} if "start" in settings else set()
        if self.shows_photographs and "gan" in settings and not self.experiment.gan.low_level:
            parts -= {"resnet"}     # which is not asked for
        settings |= set() if self.experiment.device == "cpu" else {"device"}    # other last bits of whatever is computed there
        return {
            "settings": {name: others.get(name, getattr(self.experiment, name)) for name in sorted(settings)},
            "source": _source(frozenset(code)),
            "weights": {part: self.weights_of(part) for part in sorted(parts)},
            **extra,
        }

    def _embed(self, stage: str, extra: dict, embed, network) -> Embeddings:
        """The stimuli, embedded by a network that is loaded if need be; chunks are kept on the way."""
        key = self.key(stage, extra)

        def make(folder: Path) -> None:
            embed(self.subject.stimuli, network(), kept=self.store.workspace(stage, key), progress=progress).save(folder)

        return self.store.fetch(stage, key, make, Embeddings.load)

    def _keep_embeddings(self, stage: str, extra: dict, make) -> Embeddings:
        return self.store.fetch(stage, self.key(stage, extra), lambda folder: make().save(folder), Embeddings.load)


@cache
def _source(code: frozenset) -> str:
    return source_fingerprint("core.keys:child_seed", *(name if ":" in name else f"pipeline:{name}" for name in sorted(code)))


def _closure(stage: str) -> tuple[set, set, set]:
    """Settings, code and weights that could change a stage, its earlier stages' included."""
    settings, code, parts = set(), set(), set()
    for name in NEEDS[stage][0]:
        if name in NEEDS and name != stage:
            s, c, p = _closure(name)
            settings |= s
            code |= c
            parts |= p
        else:
            settings.add(name)
    return settings, code | set(NEEDS[stage][1]), parts | set(NEEDS[stage][2])


def _load_embeddings_or_raise(folder: Path) -> Embeddings:
    reason = folder / "diverged.txt"
    if reason.is_file():
        raise Diverged(reason.read_text(encoding="utf-8"))
    return Embeddings.load(folder)
