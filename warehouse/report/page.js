
"use strict";

// Tables: a head's button sorts by its column, and turns the order round when it is pressed again.

const collator = new Intl.Collator("en", { numeric: true });

function valueOf(row, place) {
  const cell = row.cells[place];
  return cell.dataset.value ?? cell.textContent;
}

function compare(one, other) {
  const numbers = [Number(one), Number(other)];
  return one !== "" && other !== "" && numbers.every(Number.isFinite)
    ? numbers[0] - numbers[1]
    : collator.compare(one, other);
}

function sort(head) {
  const table = head.closest("table");
  const body = table.tBodies[0];
  if (body.querySelector("tr.empty")) return;
  const place = head.cellIndex;
  const first = head.classList.contains("figure") ? "descending" : "ascending";
  const turned = { ascending: "descending", descending: "ascending" };
  const order = turned[head.getAttribute("aria-sort")] ?? first;
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows];
  rows.sort((one, other) => sign * compare(valueOf(one, place), valueOf(other, place)));
  body.append(...rows);
  for (const other of head.parentElement.cells) {
    other.setAttribute("aria-sort", other === head ? order : "none");
  }
}

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sort(button.closest("th")));
}

// Charts: what a bar tells is shown beside it while it is pointed at or focused. A chart is one stop of the
// Tab key; the arrow keys go from bar to bar.

const tip = document.getElementById("tip");

function show(point) {
  const place = point.getBoundingClientRect();
  tip.textContent = point.getAttribute("aria-label");
  tip.hidden = false;
  const left = place.left + place.width / 2 - tip.offsetWidth / 2;
  const above = place.top - tip.offsetHeight - 6;
  tip.style.left = `${Math.max(4, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${above < 4 ? place.bottom + 6 : above}px`;
}

function hide() {
  tip.hidden = true;
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const ENDS = { Home: 0, End: -1 };

function move(event, points) {
  const at = points.indexOf(document.activeElement);
  const step = STEPS[event.key];
  const next = step ? points[at + step] : points.at(ENDS[event.key] ?? at);
  if (at < 0 || !(event.key in STEPS || event.key in ENDS)) return;
  event.preventDefault();
  if (!next) return;
  points[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

for (const chart of document.querySelectorAll("[data-chart]")) {
  const points = [...chart.querySelectorAll(".point")];
  points.forEach((point, place) => {
    point.tabIndex = place === 0 ? 0 : -1;
    point.querySelector("title")?.remove();
    point.addEventListener("pointerenter", () => show(point));
    point.addEventListener("pointerleave", hide);
    point.addEventListener("focus", () => show(point));
    point.addEventListener("blur", hide);
  });
  chart.addEventListener("keydown", (event) => move(event, points));
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
addEventListener("scroll", hide, { passive: true });
