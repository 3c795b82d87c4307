"use strict";
// Chapters store figures larger than they are, so that they are sharp; here they get their size back.
addEventListener("load", () => {
  for (const picture of document.querySelectorAll(".bd-article .cell img")) {
    picture.style.width = `${picture.naturalWidth / 1.5}px`;
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
