// Links with data-drawer open beside the list, under their own address; the way back closes them.
import htmx from "../page/htmx.js";

const drawer = document.querySelector("#drawer");
const content = document.querySelector("#drawer-content");
const title = document.title;

async function open(url, { source, depth }) {
  content.replaceChildren();
  await htmx.ajax("GET", url, { source: source ?? content, target: content, swap: "innerHTML" });
  if (!content.childElementCount) return; // a problem, which is shown
  if (depth) history.pushState({ drawer: depth }, "", url);
  drawer.querySelector("[data-drawer-page]").href = url;
  document.title = `${drawer.querySelector("#drawer-title")?.textContent.trim()} · Greenroom`;
  if (!drawer.open) drawer.showModal();
  const body = drawer.querySelector(".drawer__body");
  body.scrollTop = 0;
  body.focus({ preventScroll: true });
}

const deeper = () => (drawer.open ? (history.state?.drawer ?? 0) + 1 : 1);

document.addEventListener("click", (event) => {
  if (event.target === drawer || event.target.closest("[data-close]")) {
    if (drawer.open) {
      event.preventDefault();
      drawer.close();
    }
    return;
  }
  const link = event.target.closest("a[data-drawer]");
  const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0;
  if (!link || elsewhere) return;
  event.preventDefault();
  open(link.getAttribute("href"), { source: link, depth: deeper() });
});

document.addEventListener("submit", (event) => {
  if (!event.submitter?.hasAttribute("data-drawer")) return;
  event.preventDefault();
  const form = event.target;
  const url = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
  open(url, { source: form, depth: deeper() });
});

// The calendar's events are no links of ours: they ask by an event.
document.addEventListener("open-drawer", (event) => open(event.detail, { depth: deeper() }));

drawer?.addEventListener("close", () => {
  content.replaceChildren();
  document.title = title;
  if (history.state?.drawer) history.go(-history.state.drawer);
});

addEventListener("popstate", (event) => {
  if (event.state?.drawer) open(location.pathname + location.search, {});
  else if (drawer?.open) drawer.close();
});
