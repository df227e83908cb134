// Comfort for pages that work without it: ask before, look again, filter what is shown.
"use strict";

document.addEventListener("submit", (event) => {
  const sure = event.target.dataset.sure;
  if (sure && !window.confirm(sure)) event.preventDefault();
});

// On a narrow screen a row of a wide table is a card, each cell with the words of its column.
function stack(part) {
  part.querySelectorAll(".wide table:not(.figures)").forEach((table) => {
    const words = [...table.querySelectorAll("thead th")].map((cell) => cell.firstChild?.textContent.trim());
    table.querySelectorAll("tbody tr").forEach((row) => [...row.cells].forEach((cell, at) => {
      if (words[at]) cell.dataset.of = words[at];
    }));
    table.classList.toggle("stacked", words.length > 1);
  });
}
stack(document);

// <div id="x" data-poll="5"> is fetched again every 5 seconds, until the page says it no longer.
function poll(part) {
  const seconds = Number(part.dataset.poll);
  if (!seconds || !part.id) return;
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (answer.ok && fresh) {
        part.replaceWith(fresh);
        stack(fresh);
        poll(fresh);
        return;
      }
    } catch { /* the network comes back */ }
    poll(part);
  }, seconds * 1000);
}
document.querySelectorAll("[data-poll]").forEach(poll);

// <input data-filter="#rows"> shows only the children whose text holds what is typed, marks or none.
const fold = (text) => text.normalize("NFD").replace(/\p{Mn}/gu, "").replace(/đ/gi, "d").toLowerCase();
document.querySelectorAll("[data-filter]").forEach((field) => {
  field.closest("[hidden]")?.removeAttribute("hidden");
  field.addEventListener("input", () => {
    const wanted = fold(field.value);
    for (const row of document.querySelector(field.dataset.filter).children) {
      row.hidden = !fold(row.textContent).includes(wanted);
    }
  });
});

// <button data-print hidden> is shown where a browser can print.
document.querySelectorAll("[data-print]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
});
