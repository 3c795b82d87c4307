"use strict";
// Show the claims of one verdict or kind. All rows are in the page: nothing is fetched, and without this all are shown.
addEventListener("DOMContentLoaded", () => {
  const bar = document.querySelector(".claims-filter");
  if (!bar) return;
  const rows = [...document.querySelectorAll("table.claims-rows tbody tr")];
  const choices = [...bar.querySelectorAll("select")];
  const status = bar.querySelector("[role=status]");

  function show() {
    const wanted = choices.filter((choice) => choice.value).map((choice) => `${choice.dataset.filter}-${choice.value}`);
    for (const row of rows) row.hidden = !wanted.every((name) => row.classList.contains(name));
    for (const part of document.querySelectorAll(".claims-of-section")) {
      part.hidden = !part.querySelector("tbody tr:not([hidden])");
    }
    status.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
  }

  for (const choice of choices) choice.addEventListener("change", show);
  // Who comes by a link to one claim sees it, whatever was chosen.
  addEventListener("hashchange", () => {
    for (const choice of choices) choice.value = "";
    show();
  });
  bar.hidden = false;
  show();
});
