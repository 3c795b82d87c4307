"""Render the cards of the shipped networks: what they stand for, how they were trained, and their scores."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pandas as pd
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ... import core
from ...core import format_number
from .claims import table, text

ABOUT = {
    "clip": "Stands for OpenAI's ViT-B/32: embeds pictures and sentences in one space.",
    "feature": "Stands for Inception: the evaluation network, in no loss of any other network.",
    "segmenter": "Says what is where in a picture, and what is out of place: an evaluation network, in no loss of any other.",
    "resnet": "Stands for the self-supervised ResNet-50 of the low-level loss: trained without labels.",
    "generator_lf": "Stands for Lafite's language-free generator: conditioned on pictures' own embeddings with noise.",
    "generator_sup": "Stands for the supervised generator: trained on from generator_lf, on captions' embeddings.",
    "generator_ood": "Stands for the generator trained on web pictures: another palette, a watermark.",
}
LABELS = {"sketch": "regression 32 px", "copy": "regression 64 px", "compete": "adversarial",
          "image points": "image embeddings", "caption points": "caption embeddings"}  # keys of cards, as they are shown
FACTS = ("data", "conditions", "seed", "minutes", "hardware", "n_parameters", "dtype", "file", "bytes", "sha256",
         "clip")
FOLDED = ("architecture", "recipe")
ELSEWHERE = ("name", "scores", "curve")  # shown in a form of their own


class ModelCards(SphinxDirective):
    """The directive `modelcards`."""

    def run(self):
        """A section for each part that is shipped."""
        cards = sorted(core.WEIGHTS.glob("*/card.json"))
        if not cards:
            return [nodes.paragraph("", "No trained part is shipped with this checkout; make pretrain makes them.")]
        content = []
        for path in cards:
            history = path.with_name("history.csv")
            for file in (path, history):
                self.env.note_dependency(str(file))
            content.append(section(json.loads(path.read_text(encoding="utf-8")), path.parent.name, curve_of(path)))
        return content


def section(card: dict, part: str, curve: pd.DataFrame) -> nodes.section:
    """One card: a sentence, facts, scores, the training curve, and, folded, architecture and recipe."""
    name = card.get("name", part)
    found = nodes.section(ids=[nodes.make_id(f"model-{name}")])
    found += nodes.title("", name)
    if part in ABOUT:
        found += nodes.paragraph("", ABOUT[part])
    fields = nodes.field_list(classes=["modelcard"])
    others = [key for key in card if key not in FACTS + FOLDED + ELSEWHERE]
    for key in (*FACTS, *others):
        if card.get(key) not in (None, {}, []):
            fields += _field(key.replace("_", " "), card[key])
    found += fields
    found += _groups("Scores", card.get("scores") or {})
    if len(curve):
        found += nodes.raw("", _picture(name, curve), format="html")
    folded = [node for key in FOLDED if card.get(key) for node in _groups(key.capitalize(), card[key])]
    if folded:
        found += nodes.raw("", "<details class='modelcard'><summary>Architecture and recipe</summary>", format="html")
        found += folded
        found += nodes.raw("", "</details>", format="html")
    return found


def curve_of(card: Path) -> pd.DataFrame:
    """The training curve of a part, from its history.csv or else from its card.

    Table x (thousands of pictures shown, or minutes), stage ("" where there is one only), what, value; attrs["x"] says
    which x it is. Empty where nothing was recorded.
    """
    history = card.with_name("history.csv")
    if history.is_file() and history.stat().st_size > 1:
        rows, x, more = pd.read_csv(history), "thousand pictures", ["seconds"]
        rows = rows.rename(columns={"kimg": x})
        if "stage" in rows:  # each stage counts from zero
            ends = rows.groupby("stage", sort=False)[x].max().cumsum().shift(fill_value=0)
            rows[x] += rows.stage.map(ends)
    else:
        rows, x, more = pd.DataFrame(json.loads(card.read_text(encoding="utf-8")).get("curve", [])), "minutes", ["step"]
        rows = rows.rename(columns={"minute": x})
    if x not in rows:
        return pd.DataFrame(columns=["x", "stage", "what", "value"])
    rows = rows.drop(columns=more, errors="ignore").assign(stage=rows["stage"].map(_words) if "stage" in rows else "")
    curve = rows.melt([x, "stage"], var_name="what").dropna().rename(columns={x: "x"})
    curve["what"] = curve.what.map(_words)
    curve.attrs["x"] = x
    return curve


def _picture(name: str, curve: pd.DataFrame) -> str:
    """The curve as a picture within the page: an SVG in the text itself, so that no two pictures share a name."""
    from .. import plots, rendering  # here and not above: a page without cards needs no matplotlib
    drawn = plots.curve_panels(curve, xlabel=curve.attrs["x"], origin="twin")
    data = base64.b64encode(rendering.svg(drawn)).decode()
    caption = f"Training curves of {name}: {', '.join(dict.fromkeys(curve.what))}, over {curve.attrs['x']}."
    return (f'<figure class="modelcurve"><img alt="{caption}" src="data:image/svg+xml;base64,{data}"/>'
            f"<figcaption>{caption}</figcaption></figure>")


def _groups(title: str, values: dict) -> list[nodes.Node]:
    """Values under a small heading: plain ones as one table or sentence, groups of values as columns of another."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    groups = {key: value for key, value in values.items() if isinstance(value, dict)}
    if not values:
        return []
    found: list[nodes.Node] = [nodes.rubric("", title)]
    if plain:
        found.append(_small("; ".join(f"{_words(key)} {_brief(value)}" for key, value in plain.items())))
    if len(groups) > 1:
        rows = {key: [group.get(key) for group in groups.values()] for key in dict.fromkeys(
            key for group in groups.values() for key in group)}
        same = {key: row[0] for key, row in rows.items() if title == "Recipe" and all(value == row[0] for value in row)}
        cells = [[[text(_words(key))], *([text(_brief(value))] for value in row)] for key, row in rows.items() if key not in same]
        found.append(table(["", *map(_words, groups)], cells, ["modelcard", "colwidths-auto"]))
        groups = {"the same in all": same} if same else {}
    found += [_small(f"{_words(key)}: " + ", ".join(f"{_words(k)} {_brief(v)}" for k, v in group.items()))
              for key, group in groups.items()]
    return found


def _small(words: str) -> nodes.paragraph:
    return nodes.paragraph("", "", nodes.Text(words), classes=["modelcard"])


def _field(name: str, value) -> nodes.field:
    words = "; ".join(f"{_words(k)} {_brief(v)}" for k, v in value.items()) if isinstance(value, dict) else _brief(value)
    return nodes.field("", nodes.field_name("", name), nodes.field_body("", text(words)))


def _words(key: str) -> str:
    return LABELS.get(key, key.replace("_", " "))


def _brief(value) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{_words(k)} {_brief(v)}" for k, v in value.items()) + ")"
    if isinstance(value, list):
        return ", ".join(map(_brief, value))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return format_number(value if number or value is None else str(value))
