// Keeps the list true without disturbing who works in it. Rows on the page change where they stand;
// the list is read anew, which may move rows, only while nobody points at it or types in it.
import htmx from "../page/htmx.js";
import { gently, idsOf } from "../page/live.js";

const STILL = 8_000;
const MOST = 200;
const changed = new Set();
let everything = false;
let moved = 0;

const list = () => document.querySelector("#list");
const row = (id) => document.getElementById(`interview-${id}`);

function held() {
  const pointed = list()?.querySelector("#rows:hover") && Date.now() - moved < STILL;
  return Boolean(pointed || list()?.querySelector(":focus-visible"));
}

const refresh = gently(() => {
  const place = list();
  if (!place || document.hidden) return;
  const ids = everything ? [...place.querySelectorAll(".row")].map((each) => each.id.slice(10)) : [...changed];
  const here = ids.filter(row);
  const whole = everything || here.length < ids.length;
  if (whole && !held() && place.dataset.first === "yes") {
    everything = false;
    changed.clear();
    ask(address("/", place, { limit: Math.min(MOST, Math.max(50, place.querySelectorAll(".row").length)) }));
    return;
  }
  changed.clear();
  everything = whole;
  if (here.length) ask(address("/interviews/changed", place, {}, here.slice(0, MOST)));
});

function address(path, place, more, ids = []) {
  const query = new URL(place.dataset.list, location.href).searchParams;
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  for (const id of ids) query.append("id", id);
  return `${path}?${query}`;
}

function ask(url) {
  htmx.ajax("GET", url, { source: list(), target: list(), swap: "outerMorph" });
}

document.body.addEventListener("interview", (event) => {
  for (const id of idsOf(event)) changed.add(id);
  refresh();
});
for (const name of ["resync", "poll", "candidate"]) {
  document.body.addEventListener(name, () => {
    everything = true;
    refresh();
  });
}

document.addEventListener("pointermove", (event) => {
  if (event.target.closest?.("#rows")) moved = Date.now();
  else if (everything) refresh();
});
document.addEventListener("focusout", () => everything && refresh());
document.addEventListener("visibilitychange", refresh);
