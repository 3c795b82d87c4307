"""field_metrics: the eight metrics by hand, by NumPy and by scikit-image, and which networks were used."""

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter

from mindreader.checkpoints import import_file
from mindreader.core import weights
from mindreader.field import metrics as field_metrics, networks
from mindreader.records import LayoutError, Reconstructions, Stimuli


@pytest.fixture
def pictures(rng):
    """Six smooth pictures, so that resizing keeps what tells them apart."""
    coarse = torch.from_numpy(rng.random((6, 3, 5, 5)))
    fine = torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic").clamp(0, 1)
    return (255 * fine).permute(0, 2, 3, 1).numpy().astype(np.uint8)


def stimuli(pictures, ids):
    captions = pd.DataFrame({"image_id": ids, "caption_id": ids, "caption": "x"})
    return Stimuli(np.array(ids), pictures, captions, pd.DataFrame({"image_id": [], "category": [], "kind": []}))


def reconstructions(pictures, ids):
    return Reconstructions(pictures[:, None], np.array(ids), np.arange(len(ids)), ("image",), 0)


def at_425(picture):
    """The picture at the size of the comparison, by another interpolation than torch's."""
    image = torchvision.transforms.functional.resize(torch.from_numpy(np.array(picture)).permute(2, 0, 1), [425, 425],
                                                     antialias=True)
    return image.permute(1, 2, 0).numpy() / 255


def test_pixel_correlation_is_numpys(pictures):
    found = field_metrics.pixel_correlation(pictures, pictures[::-1])
    for value, a, b in zip(found, pictures, pictures[::-1]):
        assert value == pytest.approx(np.corrcoef(at_425(a).ravel(), at_425(b).ravel())[0, 1], abs=2e-3)


@pytest.mark.parametrize("shape", [(64, 64), (40, 56), (500, 470)])  # 425 px lie above, above and below
def test_pixel_correlation_is_that_of_the_resized_pictures(rng, shape):
    a, b = rng.integers(0, 256, (2, 3, *shape, 3), dtype=np.uint8)
    large = [field_metrics._resized(x, 425).double().flatten(1).numpy() for x in (a, a // 2 + b // 2)]
    expected = [np.corrcoef(x, y)[0, 1] for x, y in zip(*large)]
    assert field_metrics.pixel_correlation(a, a // 2 + b // 2) == pytest.approx(expected, abs=1e-6)


def test_pixel_correlation_does_not_see_brightness_and_is_undefined_for_one_tone(pictures):
    assert field_metrics.pixel_correlation(pictures // 2, pictures) == pytest.approx(np.ones(6), abs=1e-3)
    assert np.isnan(field_metrics.pixel_correlation(np.full_like(pictures, 128), pictures)).all()


def test_ssim_is_its_formula_with_gaussian_windows(pictures):
    def formula(x, y):
        def blur(a):
            return gaussian_filter(a, 1.5, truncate=3.5)
        m_x, m_y = blur(x), blur(y)
        v_x, v_y, v_xy = blur(x * x) - m_x**2, blur(y * y) - m_y**2, blur(x * y) - m_x * m_y
        c1, c2 = 0.01**2, 0.03**2
        s = (2 * m_x * m_y + c1) * (2 * v_xy + c2) / ((m_x**2 + m_y**2 + c1) * (v_x + v_y + c2))
        return s[5:-5, 5:-5].mean()

    found = field_metrics.structural_similarity(pictures, pictures[::-1])
    grey = [at_425(p) @ (0.2125, 0.7154, 0.0721) for p in pictures]
    assert found == pytest.approx([formula(a, b) for a, b in zip(grey, grey[::-1])], abs=5e-3)
    assert field_metrics.structural_similarity(pictures, pictures) == pytest.approx(np.ones(6))


def test_other_numbers_of_pictures_are_refused(pictures):
    with pytest.raises(ValueError, match="6 pictures and 5 originals, expected one original for each"):
        field_metrics.pixel_correlation(pictures, pictures[:5])


def test_true_pictures_have_perfect_scores_and_rows_keep_their_order(pictures):
    ids = [9, 3, 4, 7, 1, 2]
    through = field_metrics.feature_extractors()
    table = field_metrics.eight_metrics(reconstructions(pictures, ids), stimuli(pictures, ids), through, n_bootstrap=10).set_index("metric")
    assert list(table.index) == ["PixCorr", "SSIM", *(f"{name} (twin)" for name in
                                 ("AlexNet 2", "AlexNet 5", "Inception", "CLIP", "EffNet", "SwAV"))]
    for score, row in table.iterrows():
        assert row.value == pytest.approx(0 if row.better == "lower" else 1, abs=1e-3), score
    assert set(table.index[table.better == "lower"]) == {"EffNet (twin)", "SwAV (twin)"}
    swapped = field_metrics.eight_metrics(reconstructions(pictures, ids[1:] + ids[:1]), stimuli(pictures, ids), through, n_bootstrap=10)
    assert (swapped.set_index("metric").value[2:6] < 0.9).all()


def test_two_way_through_an_eye_is_counted_by_hand(pictures):
    ids = [0, 1, 2, 3, 4, 5]
    shuffled = pictures[[1, 0, 2, 4, 5, 3]]
    mean_colour = field_metrics.FeatureExtractor("colour", "mean colour", field_metrics.TWO_WAY, 8, lambda x: x.mean((2, 3)))
    value = field_metrics.eight_metrics(reconstructions(shuffled, ids), stimuli(pictures, ids), [mean_colour],
                        n_bootstrap=10).set_index("metric").value["colour"]
    r = np.corrcoef(mean_colour.features(pictures), mean_colour.features(shuffled))[:6, 6:]
    assert value == pytest.approx(np.mean([(r[:, j] < r[j, j]).sum() / 5 for j in range(6)]))


# ── published networks ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def resnet():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return torchvision.models.resnet50(weights=None).eval()


def test_published_weights_are_used_under_the_published_name(tmp_path, resnet, pictures):
    state = {f"module.{key}": value for key, value in resnet.state_dict().items() if not key.startswith("fc.")}
    torch.save(state | {"module.projection_head.0.weight": torch.zeros(2), "module.prototypes.weight": torch.zeros(2)},
               tmp_path / "swav_800ep_pretrain.pth.tar")
    extractors = {each.metric: each for each in field_metrics.feature_extractors(tmp_path)}
    assert {name for name in extractors if "(twin)" not in name} == {"SwAV"}
    swav = extractors["SwAV"]
    assert (swav.size, swav.protocol) == (224, "distance/effnet-swav")
    body = torch.nn.Sequential(*list(resnet.children())[:-1])
    with torch.no_grad():
        x = torchvision.transforms.functional.normalize(field_metrics._resized(pictures[:1], 224), (0.485, 0.456, 0.406),
                                                        (0.229, 0.224, 0.225))
        expected = body(x).flatten(1).numpy()
    assert swav.features(pictures[:1]) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_safetensors_are_read_and_alexnet_gives_two_layers(tmp_path, pictures, monkeypatch):
    with torch.random.fork_rng(devices=[]):
        net = torchvision.models.alexnet(weights=None).eval()
    save_file(net.state_dict(), tmp_path / "alexnet.safetensors")
    monkeypatch.setenv("MINDREADER_METRICS", str(tmp_path))
    second, fifth = field_metrics.feature_extractors()[:2]
    assert (second.metric, fifth.metric) == ("AlexNet 2", "AlexNet 5")
    assert second.features(pictures[:1]).shape == (1, 192 * 31 * 31) and fifth.features(pictures[:1]).shape == (1, 256 * 15 * 15)
    assert (second.features(pictures[:1]) >= 0).all()  # after the rectifier


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "efficientnet_b1_rwightman.pth")
    with pytest.raises(LayoutError, match="efficientnet_b1_rwightman.pth that do not fit .* expected those of efficientnet_b1"):
        field_metrics.feature_extractors(tmp_path)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save(np.random.default_rng, tmp_path / "alexnet.pth")
    with pytest.raises(LayoutError, match="found the global numpy.random.default_rng in .*alexnet.pth, expected tensors"):
        field_metrics.feature_extractors(tmp_path)


def test_two_files_for_one_network_are_refused(tmp_path):
    for name in ("alexnet-a.pth", "alexnet-b.pth"):
        (tmp_path / name).touch()
    with pytest.raises(LayoutError, match="alexnet-a.pth and alexnet-b.pth"):
        field_metrics.feature_extractors(tmp_path)


def test_a_folder_that_is_not_there_is_no_reason_for_stand_ins(tmp_path):
    with pytest.raises(LayoutError, match="found no folder .*MINDREADER_METRICS"):
        field_metrics.feature_extractors(tmp_path / "nowhere")


# ── whose eight, and which weights ─────────────────────────────────────────────────────────────────────────────────────
def test_each_papers_table_has_its_own_sizes_and_weights():
    tables = {table.stamp: {n.metric: (n.size, n.weights.rpartition("_")[2]) for n in table.networks}
              for table in field_metrics.EIGHT.values()}
    assert list(tables) == ["eight/mindeye@1", "eight/brain-diffuser@1"]
    assert {metric: size for metric, (size, _) in tables["eight/mindeye@1"].items()} == {
        "AlexNet 2": 256, "AlexNet 5": 256, "Inception": 342, "CLIP": 224, "EffNet": 255, "SwAV": 224}
    assert {size for size, _ in tables["eight/brain-diffuser@1"].values()} == {224}
    assert [tables[stamp]["EffNet"][1] for stamp in tables] == ["V2", "V1"]
    with pytest.raises(ValueError, match="got the eight numbers 'eight/mind', expected eight/mindeye@1 or eight/brain-diffuser@1"):
        field_metrics.eight_table("eight/mind")


def test_stand_ins_have_the_same_values_and_their_cards_checksum_under_each_name(pictures):
    ids = [9, 3, 4, 7, 1, 2]
    scored = [field_metrics.eight_metrics(reconstructions(pictures[::-1], ids), stimuli(pictures, ids),
                                          field_metrics.feature_extractors(table=name), n_bootstrap=10)
              for name in ("eight/mindeye", "eight/brain-diffuser@1")]
    pd.testing.assert_frame_equal(*(table.drop(columns="protocol") for table in scored))
    stamps = scored[0].set_index("metric").protocol
    assert (stamps["PixCorr"], scored[1].protocol[0]) == ("eight/mindeye@1; PixCorr", "eight/brain-diffuser@1; PixCorr")
    for part, metric in (("resnet", "SwAV (twin)"), ("feature", "Inception (twin)"), ("clip", "CLIP (twin)")):
        assert stamps[metric].endswith(f"@1; weights {weights.part_checksum(part)[:8]}")
    assert stamps["CLIP (twin)"].startswith("eight/mindeye@1; twoway/brain-diffuser@1; ")


def test_the_checksum_of_the_weights_is_in_the_stamp_and_tells_two_files_apart(tmp_path):
    stamps = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            save_file(torchvision.models.efficientnet_b1(weights=None).state_dict(), tmp_path / "efficientnet_b1.safetensors")
        effnet = field_metrics.feature_extractors(tmp_path)[4]
        assert effnet.weights == weights.checksum(tmp_path / "efficientnet_b1.safetensors")[:8]
        assert (effnet.metric, effnet.size, effnet.network, effnet.origin) == ("EffNet", 255, "efficientnet_b1 avgpool", "nsd")
        stamps.append(effnet.stamp("distance/effnet-swav@1"))
    assert stamps[0] != stamps[1] and field_metrics.feature_extractors(tmp_path, "eight/brain-diffuser")[4].size == 224


def test_each_table_takes_its_own_weights_of_two_that_are_known(tmp_path, monkeypatch):
    for seed, name in enumerate(("first.safetensors", "efficientnet_b1-second.safetensors")):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            save_file(torchvision.models.efficientnet_b1(weights=None).state_dict(), tmp_path / name)
    first, second = (weights.checksum(tmp_path / name)[:8] for name in ("first.safetensors", "efficientnet_b1-second.safetensors"))
    monkeypatch.setattr(networks, "known_weights", lambda: {first: "EfficientNet_B1_Weights.IMAGENET1K_V1",
                                                            second: "EfficientNet_B1_Weights.IMAGENET1K_V2"})
    assert [field_metrics.feature_extractors(tmp_path, name)[4].weights for name in field_metrics.EIGHT] == [second, first]
    (tmp_path / "first.safetensors").unlink()
    with pytest.raises(LayoutError, match="which by its checksum is EfficientNet_B1_Weights.IMAGENET1K_V2, expected "
                                          "EfficientNet_B1_Weights.IMAGENET1K_V1 for eight/brain-diffuser@1; add those"):
        field_metrics.feature_extractors(tmp_path, "eight/brain-diffuser")


def test_torchvisions_weights_are_known_by_the_checksums_in_their_names():
    assert networks.known_weights()["bac287d4"] == "EfficientNet_B1_Weights.IMAGENET1K_V1"  # efficientnet_b1_rwightman-bac287d4.pth
    assert networks.known_weights()["c27df63c"] == "EfficientNet_B1_Weights.IMAGENET1K_V2"  # efficientnet_b1-c27df63c.pth
    assert networks.known_weights()["0cc3c7bd"] == "Inception_V3_Weights.IMAGENET1K_V1"     # inception_v3_google-0cc3c7bd.pth


def test_weights_that_are_no_networks_are_not_passed_over(tmp_path):
    (tmp_path / "open_clip_model.safetensors").touch()
    with pytest.raises(LayoutError, match="found open_clip_model.safetensors in .* none of the published networks, expected names that "
                                          "begin with ViT-L-14, alexnet, efficientnet_b1, inception_v3, swav; rename"):
        field_metrics.feature_extractors(tmp_path)


def test_damaged_weights_of_a_published_network_are_refused_in_one_sentence(tmp_path):
    state = torchvision.models.alexnet(weights=None).state_dict()
    path = tmp_path / "alexnet.safetensors"
    save_file(state | {"classifier.6.bias": torch.full((1000,), torch.nan)}, path)
    with pytest.raises(LayoutError, match="'classifier.6.bias' of .*not finite"):
        field_metrics.feature_extractors(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(LayoutError, match="truncated or damaged"):
        field_metrics.feature_extractors(tmp_path)


def test_stand_ins_are_not_asked_about_photographs(pictures):
    ids, stand_ins = [9, 3, 4, 7, 1, 2], field_metrics.feature_extractors()
    seen = field_metrics.FeatureExtractor("colour", "mean colour", field_metrics.TWO_WAY, 8, lambda x: x.mean((2, 3)))
    rows = [field_metrics.eight_metrics(reconstructions(pictures, ids), stimuli(pictures, ids), [*stand_ins, seen], origin=origin,
                                        n_bootstrap=10) for origin in ("nsd", "twin")]
    known = ["PixCorr", "SSIM", "colour"]
    assert rows[0].metric[rows[0].value.notna()].tolist() == known and rows[1].value.notna().all()
    left = rows[0][rows[0].value.isna()]
    assert (left.n == 0).all() and (left.origin == "nsd").all() and not left.metric.str.contains("twin").any()
    assert left.metric.iloc[0] == "AlexNet 2, not computed: no weights alexnet* in $MINDREADER_METRICS"


# ── among all published weights ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def alexnet(tmp_path, monkeypatch):
    """A folder of the reader's with AlexNet's weights beside others, and an empty home."""
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(tmp_path))
    monkeypatch.delenv("MINDREADER_METRICS", raising=False)
    with torch.random.fork_rng(devices=[]):
        torch.save(torchvision.models.alexnet(weights=None).state_dict(), tmp_path / "alexnet-owt-7be5be79.pth")
    (tmp_path / "lafite.pkl").write_bytes(b"something else")
    return tmp_path / "alexnet-owt-7be5be79.pth"


def test_photographs_are_scored_by_published_weights_wherever_they_are_and_drawings_are_not(alexnet, pictures):
    published = {"AlexNet 2", "AlexNet 5"}
    assert not published & {each.metric for each in field_metrics.feature_extractors()}
    found = {each.metric: each for each in field_metrics.feature_extractors(photographs=True)}
    assert published == {name for name in found if "(twin)" not in name}
    import_file(alexnet)
    alexnet.unlink()
    again = {each.metric: each for each in field_metrics.feature_extractors(photographs=True)}
    assert again["AlexNet 5"].weights == found["AlexNet 5"].weights != ""     # of the published file, not of our copy
    assert np.array_equal(again["AlexNet 5"].features(pictures[:1]), found["AlexNet 5"].features(pictures[:1]))
