// A problem that was read can be put away; the next request that goes well does it too.
const places = "#problems, #drawer-problems";

function clear() {
  for (const place of document.querySelectorAll(places)) place.replaceChildren();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) clear();
});

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceEvent?.type === "submit" || ctx.sourceEvent?.type === "click") clear();
});

document.addEventListener("htmx:after:swap", () => {
  document.querySelector("#problem")?.scrollIntoView({ block: "nearest" });
});

// Greenroom did not answer at all: said where somebody waits for it, not for what runs by itself.
document.addEventListener("htmx:error", ({ target, detail: { ctx } }) => {
  const asked = ctx?.sourceEvent?.type;
  if (asked !== "submit" && asked !== "click") return;
  const place = target.closest("dialog")?.querySelector(places) ?? document.querySelector(places);
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.dataset.tone = "bad";
  notice.setAttribute("role", "alert");
  notice.textContent = "Greenroom did not answer. Nothing was changed as far as this page knows; check your connection and try again.";
  place?.replaceChildren(notice);
});
