"use strict";
// Tables sort by the column whose head is pressed; numbers first from the top, then from the bottom.
for (const head of document.querySelectorAll(".box thead th")) {
  head.setAttribute("aria-sort", "none");
  head.firstElementChild.addEventListener("click", () => {
    const table = head.closest("table"), body = table.tBodies[0];
    const column = head.cellIndex, words = head.classList.contains("word");
    const before = head.getAttribute("aria-sort");
    const down = before === "none" ? !words : before === "ascending";
    const key = (row) => {
      const cell = row.cells[column];
      return words ? cell.textContent : Number.parseFloat(cell.dataset.value ?? "NaN");
    };
    const order = (a, b) => {
      if (words) return down ? b.localeCompare(a) : a.localeCompare(b);
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return down ? b - a : a - b;
    };
    body.append(...[...body.rows].sort((a, b) => order(key(a), key(b))));
    for (const other of table.querySelectorAll("thead th")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  });
}
