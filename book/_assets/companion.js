"use strict";
// Chapters store pictures larger than they are, so that they are sharp; here they get their size back. Drawings have theirs.
const STORED = { png: 1.5, jpeg: 1.25, webp: 1.25 };  // as PAGE_SCALE of companion/rendering.py has it
addEventListener("load", () => {
  for (const picture of document.querySelectorAll(".bd-article .cell img")) {
    const larger = STORED[new URL(picture.src).pathname.split(".").at(-1)];
    if (larger) picture.style.width = `${picture.naturalWidth / larger}px`;
  }
});

// A click on a figure shows it at full size; Escape or another click puts it back.
addEventListener("DOMContentLoaded", () => {
  const pictures = document.querySelectorAll(".bd-article figure img, .bd-article .cell_output img");
  if (!pictures.length) return;
  const dialog = document.body.appendChild(document.createElement("dialog"));
  dialog.className = "enlarged";
  dialog.addEventListener("click", () => dialog.close());
  for (const picture of pictures) {
    const link = picture.closest("a.image-reference");
    (link || picture).addEventListener("click", (event) => {
      event.preventDefault();
      const large = new Image();
      large.src = link ? link.href : picture.src;
      large.alt = picture.alt;
      dialog.replaceChildren(large);
      dialog.showModal();
    });
  }
});

// A table that is wider than its box has its columns' names broken, then is set tighter; one that still is says that it scrolls.
addEventListener("load", () => {
  for (const name of document.querySelectorAll(".bd-article table.dataframe thead th")) {
    name.innerHTML = name.innerHTML.replaceAll("_", "_<wbr>");
  }
  const boxes = document.querySelectorAll(".bd-article :is(.output.text_html:has(table), .pst-scrollable-table-container)");
  const fit = () => {
    for (const box of boxes) {
      box.classList.remove("tight", "runs-over");
      for (const step of ["tight", "runs-over"]) if (box.scrollWidth > box.clientWidth + 1) box.classList.add(step);
    }
  };
  fit();
  addEventListener("resize", fit);
  document.addEventListener("toggle", fit, true);  // what was folded had no width
});
