"use strict";
// A table of pictures, sorted by any score. All data are in the page and on one sheet beside it: nothing is fetched.
(() => {
  const PER_PAGE = 8;

  addEventListener("DOMContentLoaded", () => {
    for (const root of document.querySelectorAll("div.picture-browser[data-sheet]")) browse(root);
  });

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function browse(root) {
    const { tiles, scores, rows } = JSON.parse(root.querySelector("script").textContent);
    const state = { by: 0, up: true, category: "", page: 0 };
    const id = `browse-${root.dataset.name}`;

    const categories = [...new Set(rows.map((row) => row.category))].sort();
    const category = make("select", { id: `${id}-category` }, make("option", { value: "", textContent: "all" }),
      ...categories.map((name) => make("option", { value: name, textContent: name })));
    const larger = make("button", { type: "button", textContent: "Larger pictures" });
    larger.setAttribute("aria-pressed", "false");
    const back = make("button", { type: "button", textContent: "← Back" });
    const next = make("button", { type: "button", textContent: "Next →" });
    const status = make("span", { className: "status" });
    status.setAttribute("role", "status");

    const heads = scores.map((name, place) => {
      const button = make("button", { type: "button", textContent: name });
      button.addEventListener("click", () => {
        state.up = state.by === place ? !state.up : true;
        state.by = place;
        state.page = 0;
        draw();
      });
      return make("th", { scope: "col", className: "score" }, button);
    });
    const body = make("tbody");
    const table = make("table", {},
      make("caption", { className: "sr-only", textContent: "Reconstructions of single trials and their scores; press a score's name to sort by it." }),
      make("thead", {}, make("tr", {}, ...tiles.map((name) => make("th", { scope: "col", textContent: name })),
        make("th", { scope: "col", textContent: "category" }), ...heads)),
      body);

    category.addEventListener("change", () => { state.category = category.value; state.page = 0; draw(); });
    back.addEventListener("click", () => { state.page -= 1; draw(); });
    next.addEventListener("click", () => { state.page += 1; draw(); });
    larger.addEventListener("click", () => {
      const pressed = root.classList.toggle("larger");
      larger.setAttribute("aria-pressed", String(pressed));
    });

    root.replaceChildren(
      make("div", { className: "controls" }, make("label", { htmlFor: category.id, textContent: "Category " }), category, larger,
        back, status, next),
      make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Pictures and scores" }, table));
    draw();

    function tile(row, column) {
      const picture = make("span", { className: "tile" });
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `${tiles[column]}: picture ${row.image}, ${row.category}`);
      picture.style.backgroundImage = `url("${root.dataset.sheet}")`;
      picture.style.backgroundSize = `${100 * tiles.length}% ${100 * rows.length}%`;
      picture.style.backgroundPosition =
        `${100 * column / (tiles.length - 1)}% ${100 * row.row / Math.max(1, rows.length - 1)}%`;
      return picture;
    }

    function line(row) {
      return make("tr", {}, ...tiles.map((_, column) => make("td", {}, tile(row, column))),
        make("td", { textContent: row.category, title: `picture ${row.image}, trial ${row.trial}` }),
        ...row.scores.map((value) => make("td", { className: "score", textContent: value === null ? "–" : value.toFixed(3) })));
    }

    function draw() {
      const last = state.up ? Infinity : -Infinity; // what has no score stands at the end, whichever way
      const value = (row) => row.scores[state.by] ?? last;
      const sorted = rows.filter((row) => !state.category || row.category === state.category)
        .sort((a, b) => (state.up ? 1 : -1) * (value(a) - value(b)) || a.row - b.row);
      const pages = Math.max(1, Math.ceil(sorted.length / PER_PAGE));
      const start = state.page * PER_PAGE;
      body.replaceChildren(...sorted.slice(start, start + PER_PAGE).map(line));
      heads.forEach((head, place) => {
        if (place === state.by) head.setAttribute("aria-sort", state.up ? "ascending" : "descending");
        else head.removeAttribute("aria-sort");
      });
      back.disabled = state.page === 0;
      next.disabled = state.page >= pages - 1;
      status.textContent = sorted.length
        ? `${start + 1} to ${Math.min(start + PER_PAGE, sorted.length)} of ${sorted.length}, ${state.up ? "lowest" : "highest"} ${scores[state.by]} first`
        : "none";
    }
  }
})();
