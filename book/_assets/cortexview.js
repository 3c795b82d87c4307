"use strict";
// A cortex to turn: its mesh is a script of ours beside the page, its values stand in the page. Nothing else is asked for.
(() => {
  addEventListener("DOMContentLoaded", () => {
    for (const root of document.querySelectorAll("div.cortex-view[data-sheet]")) {
      if (globalThis.cortexMesh) show(root, unpack(globalThis.cortexMesh));
      else document.head.append(make("script", { src: root.dataset.sheet, onload: () => show(root, unpack(globalThis.cortexMesh)) }));
    }
  });

  const QUANTITIES = { less: "r − ceiling", r: "r", ceiling: "ceiling" };
  const SURFACES = { inflated: "inflated", pial: "pial" };
  const SHOWN = { both: "both", lh: "left", rh: "right" };
  const VIEWS = { posterior: [0, 0], lateral: [90, 0], medial: [-90, 0], ventral: [180, 90] };   // turned so far, of the left hemisphere
  const COLOURS = { diverging: [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]],
    rising: [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]] };
  const GYRUS = [219, 219, 219], SULCUS = [158, 158, 158];
  const VERTEX = `attribute vec3 at, normal, colour; uniform mat3 turn; uniform vec3 scale; varying vec3 lit;
    void main() {
      vec3 place = turn * at * scale;
      lit = colour * (0.55 + 0.45 * max(0.0, dot(normalize(turn * normal), vec3(0.25, 0.45, 0.86))));
      gl_Position = vec4(place.xy, -place.z, 1.0);
    }`;
  const FRAGMENT = "precision mediump float; varying vec3 lit; void main() { gl_FragColor = vec4(lit, 1.0); }";

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function decode(text, Kind) {
    return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  }

  // side -> its triangles, sulci, and for each surface places in mm and normals.
  function unpack({ faces, sides, unit, gap }) {
    const triangles = decode(faces, Uint16Array);
    return Object.fromEntries(Object.entries(sides).map(([side, packed]) => {
      const surfaces = Object.fromEntries(Object.keys(SURFACES).map((name) => {
        const at = Float32Array.from(decode(packed[name], Int16Array), (value) => value * unit);
        return [name, { at, normal: normals(at, triangles), gap: side === "lh" ? -gap[name] : gap[name] }];
      }));
      return [side, { surfaces, triangles, sulc: decode(packed.sulc, Int8Array) }];
    }));
  }

  function normals(at, triangles) {
    const sum = new Float32Array(at.length);
    for (let f = 0; f < triangles.length; f += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => 3 * triangles[f + k]);
      const u = [0, 1, 2].map((k) => at[b + k] - at[a + k]), v = [0, 1, 2].map((k) => at[c + k] - at[a + k]);
      const across = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) sum[corner + k] += across[k];
    }
    return sum;
  }

  // Values of all vertices of one hemisphere; region -1 is cortex without a voxel.
  function spread(packed, unit, n) {
    const full = { region: new Int16Array(n).fill(-1), r: new Float32Array(n), ceiling: new Float32Array(n), less: new Float32Array(n) };
    const region = decode(packed.region, Uint8Array), r = decode(packed.r, Int16Array), ceiling = decode(packed.ceiling, Int16Array);
    decode(packed.vertex, Uint16Array).forEach((v, i) => {
      [full.region[v], full.r[v], full.ceiling[v]] = [region[i], r[i] * unit, ceiling[i] * unit];
      full.less[v] = full.r[v] - full.ceiling[v];
    });
    return full;
  }

  function show(root, mesh) {
    const { origin, n_voxels, regions, unit, limit, sides } = JSON.parse(root.querySelector("script").textContent);
    const values = Object.fromEntries(Object.keys(mesh).map((side) => [side, spread(sides[side], unit, mesh[side].sulc.length)]));
    const canvas = make("canvas", { width: 1000, height: 620, tabIndex: 0 });
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Cortex: drag or arrow keys turn it, wheel or plus and minus zoom, pointing names a region");
    const gl = canvas.getContext("webgl");
    if (!gl) return;                                              // the sentence that stands in the page stays
    const [quantity, surface, hemisphere, view] = [["Shown", QUANTITIES], ["Surface", SURFACES], ["Hemisphere", SHOWN],
      ["From", Object.fromEntries(Object.keys(VIEWS).map((name) => [name, name]))]].map(([name, choices]) =>
      Object.assign(make("select", { id: `cortex-${root.dataset.name}-${name}` },
        ...Object.entries(choices).map(([value, textContent]) => make("option", { value, textContent }))), { title: name }));
    const scale = make("div", { className: "scale" }), status = make("p", { className: "status" });
    status.setAttribute("role", "status");
    root.replaceChildren(make("div", { className: "controls" }, ...[quantity, surface, hemisphere, view].map((control) =>
      make("span", {}, make("label", { htmlFor: control.id, textContent: `${control.title} ` }), control))), canvas, scale, status);

    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text); gl.compileShader(shader); gl.attachShader(program, shader);
    }
    gl.linkProgram(program); gl.useProgram(program); gl.enable(gl.DEPTH_TEST);
    const buffers = Object.fromEntries(Object.keys(mesh).map((side) =>
      [side, Object.fromEntries(["at", "normal", "colour", "triangles"].map((name) => [name, gl.createBuffer()]))]));
    const places = {};
    let [yaw, pitch, zoom, held] = [...VIEWS.posterior, 1, null];

    for (const control of [quantity, surface, hemisphere]) control.addEventListener("input", fill);
    view.addEventListener("input", () => {
      if (view.value === "medial" && hemisphere.value === "both") hemisphere.value = "lh";   // the other one would hide it
      [yaw, pitch] = VIEWS[view.value];
      if (hemisphere.value === "rh" && view.value !== "ventral") yaw = -yaw;
      fill();
    });
    canvas.addEventListener("pointerdown", (event) => { held = event; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointerup", () => { held = null; });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return say(under(event.offsetX * canvas.width / canvas.clientWidth, event.offsetY * canvas.height / canvas.clientHeight));
      turnBy((event.clientX - held.clientX) / 2, (held.clientY - event.clientY) / 2);
      held = event;
    });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoomBy(Math.exp(-event.deltaY / 600)); }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] }[event.key];
      const factor = { "+": 1.2, "=": 1.2, "-": 1 / 1.2 }[event.key];
      if (turns) turnBy(...turns); else if (factor) zoomBy(factor); else return;
      event.preventDefault();
    });
    fill();

    function turnBy(sideways, up) { yaw += sideways; pitch = Math.max(-90, Math.min(90, pitch + up)); draw(); }
    function zoomBy(factor) { zoom = Math.max(0.6, Math.min(8, zoom * factor)); draw(); }
    function shown() { return Object.keys(mesh).filter((side) => ["both", side].includes(hemisphere.value)); }

    // Rows: to the right, up, and to the onlooker. Unturned, that is from behind.
    function rows() {
      const [a, b] = [yaw, pitch].map((degrees) => degrees * Math.PI / 180);
      const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
      return [[ca, -sa, 0], [-sa * sb, -ca * sb, cb], [-sa * cb, -ca * cb, -sb]];
    }

    function perMm() { return zoom * canvas.height / 180; }              // pixels

    function colour(name, value) {
      const t = 4 * Math.max(0, Math.min(1, name === "less" ? (1 + value / limit.less) / 2 : value / limit[name])), low = Math.min(3, Math.floor(t));
      const [a, b] = [0, 1].map((more) => COLOURS[name === "less" ? "diverging" : "rising"][low + more]);
      return a.map((from, k) => from + (t - low) * (b[k] - from));
    }

    function fill() {
      const name = quantity.value, apart = shown().length > 1;
      for (const side of shown()) {
        const { surfaces, triangles, sulc } = mesh[side], { at, normal, gap } = surfaces[surface.value], colours = new Float32Array(at.length);
        sulc.forEach((depth, v) => colours.set((values[side].region[v] >= 0 ? colour(name, values[side][name][v])
          : depth > 0 ? SULCUS : GYRUS).map((part) => part / 255), 3 * v));
        places[side] = at.map((x, i) => i % 3 || !apart ? x : x + gap);
        for (const [kind, data] of [["at", places[side]], ["normal", normal], ["colour", colours]]) {
          gl.bindBuffer(gl.ARRAY_BUFFER, buffers[side][kind]); gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
        }
        gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers[side].triangles); gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
      }
      const ends = [name === "less" ? -limit.less : 0, limit[name]], stops = [0, 1, 2, 3, 4].map((k) => ends[0] + k / 4 * (ends[1] - ends[0]));
      scale.style.backgroundImage = `linear-gradient(to right, ${stops.map((value) => `rgb(${colour(name, value).map(Math.round).join(" ")})`).join(", ")})`;
      scale.replaceChildren(...[stops[0], stops[2], stops[4]].map((value) => make("span", { textContent: written(value) })));
      draw();
      say(null);
    }

    function draw() {
      gl.viewport(0, 0, canvas.width, canvas.height); gl.clearColor(0, 0, 0, 0); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      const turned = rows(), size = 2 * perMm();
      gl.uniformMatrix3fv(gl.getUniformLocation(program, "turn"), false, [0, 1, 2].flatMap((column) => turned.map((row) => row[column])));
      gl.uniform3f(gl.getUniformLocation(program, "scale"), size / canvas.width, size / canvas.height, 1 / 300);
      for (const side of shown()) {
        for (const kind of ["at", "normal", "colour"]) {
          const where = gl.getAttribLocation(program, kind);
          gl.bindBuffer(gl.ARRAY_BUFFER, buffers[side][kind]); gl.enableVertexAttribArray(where); gl.vertexAttribPointer(where, 3, gl.FLOAT, false, 0, 0);
        }
        gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers[side].triangles);
        gl.drawElements(gl.TRIANGLES, mesh[side].triangles.length, gl.UNSIGNED_SHORT, 0);
      }
    }

    // The vertex nearest to the onlooker of those within 3 mm of the pointer, which is at x, y in pixels of the canvas.
    function under(x, y) {
      const [right, up, near] = rows(), [across, above] = [(x - canvas.width / 2) / perMm(), (canvas.height / 2 - y) / perMm()];
      let best = null;
      for (const side of shown()) {
        const at = places[side], along = (row, v) => row[0] * at[3 * v] + row[1] * at[3 * v + 1] + row[2] * at[3 * v + 2];
        for (let v = 0; v < at.length / 3; v++) {
          const away = Math.hypot(along(right, v) - across, along(up, v) - above), depth = along(near, v) - 2 * away;
          if (away < 3 && !(best && best.depth >= depth)) best = { side, v, depth };
        }
      }
      return best;
    }

    function written(value) { return value.toFixed(2).replace("-", "−"); }

    function say(found) {
      const full = found && values[found.side];
      if (!full || full.region[found.v] < 0) status.textContent = `${n_voxels} voxels; ${origin}. Point at a region.`;
      else status.textContent = `${regions[full.region[found.v]]}, ${SHOWN[found.side]}: ${Object.entries(QUANTITIES).map(([name, words]) =>
        `${words} ${written(full[name][found.v])}`).join(", ")}; ${origin}.`;
    }
  }
})();
