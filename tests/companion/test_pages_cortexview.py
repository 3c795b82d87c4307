"""cortexview: the page carries the values, one script beside it the mesh; what is drawn and named is what was measured."""

import base64
import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from page_checks import ASSETS, App, loads_its_script_only_where_needed

from mindreader import core
from mindreader.companion import surface
from mindreader.companion.pages import cortexview

PICKED = {side: int(surface.patches(side)["EBA"][0]) for side in ("lh", "rh")}
TABLE = pd.DataFrame([{"hemisphere": side, "vertex": vertex, "region": name, "voxel": number, "n_voxels": 3, "r": 0.25, "ceiling": ceiling}
                      for side, more in (("lh", 0), ("rh", 2)) for number, (name, ceiling) in enumerate((("EBA", 0.5), ("</script>", 0.2)), more)
                      for vertex in surface.patches(side)["EBA" if name == "EBA" else "PPA"]])

# As much of a browser as the script asks for; of WebGL, what is uploaded and drawn is kept.
BROWSER = """
class Element { constructor(tag) { Object.assign(this, { tag, children: [], attributes: {}, style: {}, on: {}, clientWidth: 500, clientHeight: 310 }); }
  append(...more) { this.children.push(...more); if (this.tag === "select") this.value = this.children[0].value; }  replaceChildren(...more) { this.children = more; }
  setAttribute(name, value) { this.attributes[name] = String(value); }  addEventListener(name, then) { this.on[name] = then; }
  querySelector() { return { textContent: DATA }; }  setPointerCapture() {}
  getContext() { return LACKING ? null : new Proxy({}, { get: (_, name) => /^[A-Z_]+$/.test(name) ? name : (...given) => { calls.push([name, given]); return {}; } }); } }
const [DATA, LACKING] = [process.argv[2], process.argv[3] === "without"], calls = [], root = new Element("div"), head = new Element("head");
root.dataset = { sheet: "../_static/cortexview/fsaverage5.js", name: "06" };
globalThis.document = { head, createElement: (tag) => new Element(tag), querySelectorAll: () => [root] };
globalThis.addEventListener = (name, then) => { globalThis.ready = then; };
"""
ASK = """
ready();
const asked = head.children.map((e) => [e.tag, e.src]);
eval(require("fs").readFileSync(process.argv[4], "utf8"));
head.children[0].onload();
if (LACKING) { console.log(JSON.stringify({ children: root.children.length })); process.exit(); }
const find = (from, wanted) => [...(wanted(from) ? [from] : []), ...(from.children ?? []).flatMap((each) => find(each, wanted))];
const [canvas] = find(root, (e) => e.tag === "canvas"), [status] = find(root, (e) => e.className === "status");
const [quantity, surface, hemisphere, view] = find(root, (e) => e.tag === "select");
const set = (control, value) => { control.value = value; control.on.input(); };
const last = (name) => calls.filter(([called]) => called === name).at(-1)[1];
const matrix = () => Array.from(last("uniformMatrix3fv")[2]);
const seen = { asked, sulci: root.children.length, posterior: matrix(), drawn: calls.filter(([name]) => name === "drawElements").length };
set(hemisphere, "lh"); set(view, "lateral");
seen.lateral = matrix();
const at = calls.filter(([name]) => name === "bufferData").at(-4)[1][1], v = Number(process.argv[5]);
const way = (k) => [0, 1, 2].map((c) => seen.lateral[3 * c + k] * at[3 * v + c]).reduce((a, b) => a + b);
const mm = canvas.height / 180;
canvas.on.pointermove({ offsetX: (canvas.width / 2 + way(0) * mm) / 2, offsetY: (canvas.height / 2 - way(1) * mm) / 2 });
seen.pointed = status.textContent;
canvas.on.pointermove({ offsetX: 1, offsetY: 1 });
seen.nothing = status.textContent;
const colours = () => { const c = calls.filter(([name]) => name === "bufferData").at(-2)[1][1]; return Array.from(c.slice(3 * v, 3 * v + 3)); };
seen.less = colours(); set(quantity, "ceiling"); seen.ceiling = colours();
let kept = 0; const press = (key) => canvas.on.keydown({ key, preventDefault: () => kept++ });
press("ArrowRight"); seen.turned = matrix(); const before = last("uniform3f")[1]; press("+"); seen.zoomed = last("uniform3f")[1] / before; press("Tab"); seen.kept = kept;
console.log(JSON.stringify(seen));
"""


def unpacked(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def content(table=TABLE):
    markup = cortexview.markup(table, "twin", '"m.js', "06_encoding_cycle")
    return markup, json.loads(re.search(r'<script type="application/json">(.*?)</script>', markup, re.S)[1])


def test_the_page_carries_every_value_and_nothing_that_ends_its_script_early():
    markup, data = content()
    assert markup.count("</script>") == 1 and 'data-sheet="&quot;m.js"' in markup and cortexview.FALLBACK in markup
    assert data["n_voxels"] == 12 and data["origin"] == "simulated subject"
    for side, packed in data["sides"].items():
        mine = TABLE[TABLE.hemisphere == side]
        assert unpacked(packed["vertex"], "<u2").tolist() == mine.vertex.tolist()
        assert [data["regions"][number] for number in unpacked(packed["region"], "u1")] == mine.region.tolist()
        for name in ("r", "ceiling"):
            assert np.allclose(unpacked(packed[name], "<i2") * data["unit"], mine[name], atol=1e-4)


def test_a_vertex_without_a_value_is_left_out_and_a_table_without_a_column_refused():
    assert len(unpacked(content(TABLE.assign(r=TABLE.r.where(TABLE.vertex != PICKED["lh"])))[1]["sides"]["lh"]["vertex"], "<u2")) \
        == (TABLE.hemisphere == "lh").sum() - 1
    with pytest.raises(ValueError, match="the cortex of 06 has no column 'ceiling', expected .*; run the chapter again"):
        cortexview.markup(TABLE.drop(columns="ceiling"), "twin", "m.js", "06")


def test_the_mesh_is_that_of_fsaverage_to_a_hundredth_of_a_millimetre_and_the_same_bytes_each_time():
    script = cortexview.mesh_script()
    mesh = json.loads(script.removeprefix("globalThis.cortexMesh = ").removesuffix(";\n"))
    assert script == cortexview.mesh_script() and len(script) < 600_000
    for side in ("lh", "rh"):
        brain = surface.read_hemisphere(side)
        assert np.array_equal(unpacked(mesh["faces"], "<u2").reshape(-1, 3), brain.faces)
        for name in ("inflated", "pial"):
            moved = unpacked(mesh["sides"][side][name], "<i2").reshape(-1, 3) * mesh["unit"] - getattr(brain, name)
            assert np.ptp(moved, axis=0).max() < 0.0101
        assert np.array_equal(unpacked(mesh["sides"][side]["sulc"], "i1") > 0, brain.sulc > 0)


def run_script(tmp_path, webgl="with"):
    (tmp_path / "run.js").write_text(BROWSER + (ASSETS / "cortexview.js").read_text().replace('"use strict";', "") + ASK)
    (tmp_path / "mesh.js").write_text(cortexview.mesh_script())
    done = subprocess.run(["node", tmp_path / "run.js", json.dumps(content()[1]), webgl, tmp_path / "mesh.js", str(PICKED["lh"])],
                          capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(not shutil.which("node"), reason="no node to run the page's script with")
def test_the_script_turns_the_cortex_and_names_what_is_pointed_at(tmp_path):
    seen = run_script(tmp_path)
    assert seen["asked"] == [["script", "../_static/cortexview/fsaverage5.js"]] and seen["drawn"] == 2
    columns = {name: np.reshape(seen[name], (3, 3)) for name in ("posterior", "lateral", "turned")}     # the way of x, of y, of z
    assert np.allclose(columns["posterior"], [[1, 0, 0], [0, 0, -1], [0, 1, 0]])     # right at the right, front away, top up
    assert np.allclose(columns["lateral"], [[0, 0, -1], [-1, 0, 0], [0, 1, 0]], atol=1e-9)
    assert seen["pointed"] == "EBA, left: r − ceiling −0.25, r 0.25, ceiling 0.50; simulated subject."
    assert seen["nothing"] == "12 voxels; simulated subject. Point at a region."
    assert np.allclose(np.array(seen["less"]) * 255, [5, 48, 97], atol=1) and np.allclose(np.array(seen["ceiling"]) * 255, [253, 231, 37], atol=1)
    assert np.allclose(columns["turned"] @ columns["turned"].T, np.eye(3)) and not np.allclose(columns["turned"], columns["lateral"])
    assert seen["zoomed"] == pytest.approx(1.2) and seen["kept"] == 2


@pytest.mark.skipif(not shutil.which("node"), reason="no node to run the page's script with")
def test_without_webgl_the_sentence_of_the_page_stays(tmp_path):
    assert run_script(tmp_path, "without") == {"children": 0}      # nothing was put in its place


def test_only_pages_with_a_cortex_load_its_script_and_the_mesh_is_written_beside_them(tmp_path, monkeypatch):
    app = App(tmp_path / "html")
    loads_its_script_only_where_needed(cortexview, "cortexview", app)
    monkeypatch.setattr(core, "FIGURES", tmp_path / "figures")
    cortexview.write_mesh(app, None)
    assert not (tmp_path / "html").exists()                          # no chapter has a cortex
    (tmp_path / "figures" / "06_x").mkdir(parents=True)
    (tmp_path / "figures" / "06_x" / "cortex.csv").write_text("")
    cortexview.write_mesh(app, RuntimeError("failed"))
    assert not (tmp_path / "html").exists()
    cortexview.write_mesh(app, None)
    assert (tmp_path / "html" / "_static" / "cortexview" / "fsaverage5.js").read_text() == cortexview.mesh_script()


def test_the_mesh_asks_the_network_for_nothing():
    assert not re.search(r"https?:|fetch\(", cortexview.mesh_script())
