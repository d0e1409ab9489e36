// Keeps search, filter and tab in the address, and the way back working, without loading the page anew.
import htmx from "./htmx.js";

const list = () => document.querySelector("#list");

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement.hasAttribute("data-address")) return;
  for (const [name, value] of [...ctx.request.body]) {
    if (value === "" || (name === "tab" && value === "all")) ctx.request.body.delete(name);
  }
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement?.hasAttribute("data-address") || ctx.response.status >= 400) return;
  const typed = ctx.sourceElement.matches("form");
  history[typed ? "replaceState" : "pushState"](null, "", ctx.request.action);
  document.body.dispatchEvent(new CustomEvent("filtered"));
});

addEventListener("popstate", async () => {
  const here = location.pathname + location.search;
  if (!list() || location.pathname !== "/" || list().dataset.list === here) return;
  const asked = new URLSearchParams(location.search);
  for (const field of document.querySelectorAll("#filters [name]")) field.value = asked.get(field.name) ?? "";
  await htmx.ajax("GET", here, { source: list(), target: list(), swap: "outerMorph" });
  document.body.dispatchEvent(new CustomEvent("filtered"));
});
