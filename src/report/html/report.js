"use strict";
// Tables: a button in each head sorts by that column, by figures where there are figures.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  if (body.rows.length < 2) continue;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.value;
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === undefined && y === undefined) {
          const [s, t] = [a, b].map((row) => row.cells[column].textContent);
          return up ? s.localeCompare(t) : t.localeCompare(s);
        }
        // What has no figure comes last, either way.
        if (x === undefined || y === undefined) return x === undefined ? 1 : -1;
        return up ? x - y : y - x;
      });
      body.append(...rows);
    });
  });
}
// On paper nothing can be unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not(.no-print)")) folded.open = true;
});
// Charts: the nearest place shows its figures at once. The words are the drawing's own titles.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);
for (const svg of document.querySelectorAll("figure.chart svg")) {
  const spots = [...svg.querySelectorAll(".spot")];
  const words = new Map(spots.map((spot) => [spot, spot.querySelector("title").textContent]));
  spots.forEach((spot) => spot.querySelector("title").remove());
  const wide = svg.closest("figure").classList.contains("wide");
  let at = null;
  const leave = () => {
    if (at) at.classList.remove("at");
    at = null;
    tip.hidden = true;
  };
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("pointermove", (event) => {
    const scale = svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
    let best = null;
    let least = wide ? 100 : 60;
    for (const spot of spots) {
      const box = spot.getBoundingClientRect();
      const across = (event.clientX - box.x - box.width / 2) * scale;
      const down = (event.clientY - box.y - box.height / 2) * scale;
      const far = Math.hypot(across, wide ? down : down / 3);
      if (far < least) [best, least] = [spot, far];
    }
    if (best !== at) leave();
    if (!best) return;
    at = best;
    at.classList.add("at");
    tip.textContent = words.get(at);
    tip.hidden = false;
    const left = Math.min(event.pageX + 14, scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = Math.max(left, 4) + "px";
    tip.style.top = event.pageY + 16 + "px";
  });
}
