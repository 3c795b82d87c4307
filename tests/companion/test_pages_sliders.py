"""picturesliders: the page carries all pictures and numbers, its script shows those that the sliders say, and asks for one sheet."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from page_checks import ASSETS, App, loads_its_script_only_where_needed

from mindreader import core
from mindreader.companion.pages import sliders

DESCRIPTION = {"origin": "simulated subject", "doses": [0.0, 10.0], "words": ["bodies", "</script>"],
               "trials": [{"image": 7, "trial": 70}, {"image": 3, "trial": 30}],
               "regions": [{"name": "V1", "n_voxels": 9, "distance": [0.9, 4.0], "outside": [False, True],
                            "nearer": np.arange(8).reshape(2, 2, 2).tolist()},
                           {"name": "faces", "n_voxels": 5, "distance": [0.8, 3.0], "outside": [False, True],
                            "nearer": (-np.arange(8)).reshape(2, 2, 2).tolist()}]}

# As much of a browser as the script asks for: elements with children, attributes, styles and listeners.
BROWSER = """
class Element { constructor(tag) { Object.assign(this, { tag, children: [], attributes: {}, style: {}, on: {}, classes: new Set() });
    this.classList = { toggle: (name, on) => on ? this.classes.add(name) : this.classes.delete(name) }; }
  append(...more) { this.children.push(...more); if (this.tag === "select") this.value = this.children[0].value; }  replaceChildren(...more) { this.children = more; }
  setAttribute(name, value) { this.attributes[name] = String(value); }  addEventListener(name, then) { this.on[name] = then; }
  querySelector() { return { textContent: DATA }; } }
const DATA = process.argv[2], root = new Element("div"); root.dataset = { sheet: "s.jpg", name: "n" };
globalThis.document = { createElement: (tag) => new Element(tag), querySelectorAll: () => [root] };
globalThis.addEventListener = (name, then) => { globalThis.ready = then; };
"""
ASK = """
ready();
const find = (from, wanted) => [...(wanted(from) ? [from] : []), ...(from.children ?? []).flatMap((each) => find(each, wanted))];
const [region] = find(root, (e) => e.tag === "select"), [dose, trial] = find(root, (e) => e.tag === "input");
const look = () => ({ tiles: find(root, (e) => e.className === "tile").map((e) => [e.style.backgroundPosition, e.attributes["aria-label"]]),
  status: find(root, (e) => e.className === "status").map((e) => [e.textContent, e.classes.has("outside")])[0],
  scores: find(root, (e) => e.className === "score").map((e) => e.textContent),
  captions: find(root, (e) => e.tag === "figcaption").map((e) => e.textContent), size: find(root, (e) => e.className === "tile")[0].style.backgroundSize });
const set = (r, d, t) => { region.value = r; dose.value = d; trial.value = t; region.on.input(); return look(); };
console.log(JSON.stringify([look(), set(0, 1, 0), set(1, 0, 1)]));
"""


def test_the_page_carries_everything_and_nothing_that_ends_its_script_early():
    content = sliders.markup(DESCRIPTION, '"x.jpg', "04_microstimulation")
    assert json.loads(re.search(r'<script type="application/json">(.*?)</script>', content, re.S)[1]) == DESCRIPTION
    assert content.count("</script>") == 1 and 'data-sheet="&quot;x.jpg"' in content and sliders.FALLBACK in content


def test_sliders_that_lack_a_part_are_refused():
    with pytest.raises(ValueError, match="the sliders of 04 lack 'doses', expected origin, doses, words, trials, regions; run"):
        sliders.markup(DESCRIPTION | {"doses": []}, "x.jpg", "04")


@pytest.mark.skipif(not shutil.which("node"), reason="no node to run the page's script with")
def test_the_script_shows_the_tile_and_the_numbers_that_the_sliders_say(tmp_path):
    """The sheet has 4 rows (2 regions x 2 trials) and 4 columns (seen, as measured, 2 doses)."""
    (tmp_path / "run.js").write_text(BROWSER + (ASSETS / "picturesliders.js").read_text().replace('"use strict";', "") + ASK)
    done = subprocess.run(["node", tmp_path / "run.js", json.dumps(DESCRIPTION)], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    opened, first, second = json.loads(done.stdout)
    assert opened == first      # the paper's dose
    assert first["size"] == "400% 400%"
    places = [[[float(way.rstrip("%")) for way in place.split()] for place, _ in shown["tiles"]] for shown in (first, second)]
    assert np.allclose(places, [[[0, 0], [100 / 3, 0], [100, 0]], [[0, 100], [100 / 3, 100], [200 / 3, 100]]])
    assert second["tiles"][2][1] == "stimulated: picture 3, trial 30"
    assert first["status"] == ["Outside the measured range: 4.00 times its limit. Picture 7, trial 70; simulated subject.", True]
    assert second["status"] == ["Within the measured range: 0.80 times its limit. Picture 3, trial 30; simulated subject.", False]
    assert first["scores"] == ["+4.000", "+5.000"] and second["scores"] == ["−2.000", "−3.000"]
    assert first["captions"][2] == "V1 at 10 sd" and second["captions"][2] == "faces set to its session mean"


def test_only_pages_with_sliders_load_their_script_and_sheets_are_copied_beside_them(tmp_path, monkeypatch):
    app = App(tmp_path / "html")
    loads_its_script_only_where_needed(sliders, "picturesliders", app)
    monkeypatch.setattr(core, "FIGURES", tmp_path / "figures")
    (tmp_path / "figures" / "04_x").mkdir(parents=True)
    (tmp_path / "figures" / "04_x" / "sliders.jpg").write_bytes(b"sheet")
    sliders.copy_sheets(app, RuntimeError("failed"))
    assert not (tmp_path / "html").exists()
    sliders.copy_sheets(app, None)
    assert (tmp_path / "html" / "_static" / "sliders" / "04_x.jpg").read_bytes() == b"sheet"
