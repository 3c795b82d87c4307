"""Every setting has a limit that its presets keep; what lies outside is refused in one sentence that says what is allowed."""

import pytest

from mindreader.companion.chapter import start
from mindreader.experiments import EXPERIMENTS, experiment
from mindreader.limits import LIMITS, settings
from mindreader.core.params import ParameterError


def test_every_setting_has_a_limit_and_every_limit_a_setting():
    assert set(LIMITS) == {name for name, _ in settings(experiment("book"))}


@pytest.mark.parametrize("preset", EXPERIMENTS)
def test_the_presets_keep_the_limits(preset):
    assert [name for name, value in settings(experiment(preset)) if not LIMITS[name].holds(value)] == []


BAD = [
    ("data.split", "rndom", "one of first_appearance, random, shared1000, clusters"),
    ("data.zscore", "trial", "one of session, session-train, none"),
    ("data.validation_fraction", 1, "a number above 0 and below 1"),
    ("data.max_sessions", 0, "a whole number of at least 1, or null"),
    ("data.max_sessions", "all", "a whole number of at least 1, or null"),
    ("data.image_size", 0, "a whole number of at least 8"),
    ("mapping.loss", "mae", "one of mse, cos, contrastive"),
    ("mapping.epochs", [-1, 2], r"a list, each entry a whole number of at least 1"),
    ("mapping.epochs", ["one", 2], "each entry a whole number"),
    ("mapping.clamp", -1.5, "a number above 0, or null"),
    ("mapping.pad_to", 1.5, "a whole number of at least 1, or null"),
    ("mapping.lr_decay", 1.5, "a number above 0 and at most 1"),
    ("mapping.learning_rate", float("nan"), "a number above 0"),
    ("mapping.batch", None, "a whole number of at least 1"),
    ("mapping.auxiliary", "vae", "one of none, gan, vicreg"),
    ("gan.batch", 0, "a whole number of at least 2"),
    ("gan.kimg", -1, "a number above 0"),
    ("gan.kimg", float("inf"), "a number above 0"),
    ("gan.noise_levels", [0.5, 0.1], "the smaller first"),
    ("gan.adam_betas", [0.0], "a list of 2"),
    ("gan.precision", "float16", "one of float32, bfloat16"),
    ("gan.network.heads", 3, "a whole number from 1 to 2"),
    ("encoder.epochs", -2, "a whole number of at least 0"),
    ("encoder.dtype", "half", "one of float32, bfloat16"),
    ("category.hidden_clip", [384], "a list of 2"),
    ("category.batch", 0, "a whole number of at least 1"),
    ("twin.n_voxels", 0, "a whole number of at least 1"),
    ("twin.trials_per_session", None, "a whole number from 3 to 900"),
    ("twin.median_ncsnr", 0.9, "below 0.9"),
    ("screen.threshold", 2, "a number of at least 0 and at most 1"),
    ("screen.threshold", None, "a number of at least 0"),
    ("embed.batch", 0, "a whole number of at least 1"),
    ("embed.clip", "large", "'mini', 'local-dir:/folder', 'ViT-B-32-quickgelu' or"),
    ("evaluate.n_retrieval", 1, "a whole number of at least 2"),
    ("evaluate.ways", [1, 2], "each entry a whole number of at least 2"),
    ("subject", "subj9", "twin01 .simulated. or one of subj01 to subj08"),
    ("seed", -1, "a whole number of at least 0"),
]


@pytest.mark.parametrize("name, value, says", BAD)
def test_what_cannot_be_is_refused_before_anything_runs(name, value, says):
    with pytest.raises(ParameterError, match=says) as refused:
        start("02_mapping", "smoke", overrides={name: value})
    assert name in str(refused.value) and "\n" not in str(refused.value)


def test_null_is_taken_where_it_means_something():
    assert experiment("smoke", {"mapping.clamp": None, "data.max_sessions": None}).mapping.clamp is None
    assert experiment("smoke", {"gan.content_half_kimg": float("inf")}).gan.content_half_kimg == float("inf")
    assert experiment("smoke", {"embed.clip": "ViT-B-32-quickgelu:/x.safetensors"}).embed.clip.endswith("/x.safetensors")
