"use strict";
// Precomputed pictures under sliders for region, dose and trial. All data are in the page and on one sheet beside it: nothing is fetched.
(() => {
  const PAPER = 10;     // its dose, with which a page opens where it is among them

  addEventListener("DOMContentLoaded", () => {
    for (const root of document.querySelectorAll("div.picture-sliders[data-sheet]")) slide(root);
  });

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function slide(root) {
    const { origin, doses, words, trials, regions } = JSON.parse(root.querySelector("script").textContent);
    const id = `slide-${root.dataset.name}`;
    const columns = doses.length + 2, rows = regions.length * trials.length;

    const region = make("select", { id: `${id}-region` },
      ...regions.map((each, place) => make("option", { value: place, textContent: `${each.name} (${each.n_voxels} voxels)` })));
    const dose = slider("dose", doses.length - 1, doses.includes(PAPER) ? doses.indexOf(PAPER) : doses.length - 1);
    const trial = slider("trial", trials.length - 1, 0);
    const pictures = ["seen", "as measured", "stimulated"].map((name) => {
      const picture = make("span", { className: "tile" });
      picture.setAttribute("role", "img");
      return { name, picture, words: make("figcaption", { textContent: name }) };
    });
    const status = make("p", { className: "status" });
    status.setAttribute("role", "status");
    const bars = words.map((word) => ({ word, bar: make("span", { className: "bar" }), value: make("td", { className: "score" }) }));

    for (const control of [region, dose, trial]) control.addEventListener("input", draw);
    root.replaceChildren(
      make("div", { className: "controls" }, labelled("Region", region), labelled("Dose", dose), labelled("Trial", trial)),
      make("div", { className: "pictures" }, ...pictures.map(({ picture, words: caption }) => make("figure", {}, picture, caption))),
      status,
      make("table", {},
        make("caption", { textContent: "How much nearer the mapped embedding is to each category's sentence than as measured (cosine)" }),
        make("tbody", {}, ...bars.map(({ word, bar, value }) =>
          make("tr", {}, make("th", { scope: "row", textContent: word }), make("td", { className: "track" }, bar), value)))));
    draw();

    function slider(name, last, first) {
      return make("input", { type: "range", id: `${id}-${name}`, min: 0, max: last, step: 1, value: first });
    }

    function labelled(text, control) {
      return make("span", {}, make("label", { htmlFor: control.id, textContent: `${text} ` }), control);
    }

    function place(picture, row, column) {
      picture.style.backgroundImage = `url("${root.dataset.sheet}")`;
      picture.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
      picture.style.backgroundPosition = `${100 * column / (columns - 1)}% ${100 * row / Math.max(1, rows - 1)}%`;
    }

    function draw() {
      const [r, d, t] = [region, dose, trial].map((control) => Number(control.value));
      const here = regions[r], shown = trials[t], row = r * trials.length + t;
      pictures.forEach(({ name, picture }, column) => {
        place(picture, row, column < 2 ? column : 2 + d);
        picture.setAttribute("aria-label", `${name}: picture ${shown.image}, trial ${shown.trial}`);
      });
      pictures[2].words.textContent = doses[d] === 0 ? `${here.name} set to its session mean` : `${here.name} at ${doses[d]} sd`;
      status.textContent = `${here.outside[d] ? "Outside" : "Within"} the measured range: ${here.distance[d].toFixed(2)} times its limit. `
        + `Picture ${shown.image}, trial ${shown.trial}; ${origin}.`;
      status.classList.toggle("outside", here.outside[d]);
      dose.setAttribute("aria-valuetext", `${doses[d]} standard deviations`);
      trial.setAttribute("aria-valuetext", `picture ${shown.image}`);
      const most = Math.max(0.05, ...here.nearer.flat(2).map(Math.abs));
      bars.forEach(({ bar, value }, place) => {
        const change = here.nearer[d][t][place];
        bar.style.width = `${50 * Math.abs(change) / most}%`;
        bar.style.marginLeft = change < 0 ? `${50 - 50 * Math.abs(change) / most}%` : "50%";
        value.textContent = `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(3)}`;
      });
    }
  }
})();
