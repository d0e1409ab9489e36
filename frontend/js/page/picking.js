// Counts who is picked and shows the bar that does something with them.
const bar = document.querySelector("#bulk");

function count() {
  const ids = new Set([...document.querySelectorAll("[type=checkbox][form=bulk]:checked")].map((each) => each.value));
  bar.toggleAttribute("data-picked", ids.size > 0);
  bar.querySelector("[data-picked-count]").textContent = ids.size;
  bar.querySelector("[data-picked-to]").textContent = ids.size > 1 ? ` to ${ids.size}` : "";
}

if (bar) {
  document.addEventListener("change", (event) => event.target.matches("[form=bulk]") && count());
  document.addEventListener("htmx:after:swap", count);
  bar.addEventListener("reset", () => setTimeout(count));
  addEventListener("pageshow", count);
}
