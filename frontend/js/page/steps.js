// Makes steps of a long form: <form data-steps> with <fieldset data-step>. Without this it is one page.
import htmx from "./htmx.js";

const forms = () => document.querySelectorAll("form[data-steps]");
const stepsOf = (form) => [...form.querySelectorAll("[data-step]")];
const nowOf = (form) => Number(form.dataset.now ?? 0);

function render(form) {
  const steps = stepsOf(form);
  const now = nowOf(form);
  const last = now === steps.length - 1;
  steps.forEach((step, index) => { step.hidden = index !== now; });
  const line = form.querySelector("[data-steps-line]");
  line.hidden = false;
  [...line.children].forEach((each, index) => {
    each.dataset.state = index < now ? "done" : index === now ? "now" : "";
    if (index === now) each.setAttribute("aria-current", "step");
    else each.removeAttribute("aria-current");
  });
  form.querySelector("[data-back]").hidden = now === 0;
  form.querySelector("[data-next]").hidden = last;
  form.querySelector("[data-send]").hidden = !last;
  form.querySelector("[data-plain-check]").hidden = true;
  const picked = form.querySelectorAll("[name=candidate]:checked").length;
  form.querySelector("[data-send]").textContent = picked > 1 ? `Send to ${picked}` : "Send";
  form.querySelector("[data-next]").disabled = picked === 0;
}

function go(form, by) {
  const steps = stepsOf(form);
  const wanted = Math.min(steps.length - 1, Math.max(0, nowOf(form) + by));
  if (by > 0 && ![...steps[nowOf(form)].elements].every((each) => each.reportValidity())) return;
  form.dataset.now = wanted;
  render(form);
  steps[wanted].querySelector("legend").focus();
  if (steps[wanted].hasAttribute("data-step-check")) check(form);
}

function check(form) {
  const place = form.querySelector("#summary");
  htmx.ajax("POST", "/send/check", { source: form, target: place, select: "#summary", swap: "outerHTML" });
}

document.addEventListener("click", (event) => {
  const form = event.target.closest("form[data-steps]");
  if (form && event.target.closest("[data-next]")) go(form, 1);
  if (form && event.target.closest("[data-back]")) go(form, -1);
});

// Enter in a field of an early step goes on; only the last step sends.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-steps]");
  if (!form || event.key !== "Enter" || !event.target.matches("input, select")) return;
  if (nowOf(form) === stepsOf(form).length - 1) return;
  event.preventDefault();
  if (!event.target.matches("[type=search]") && !form.querySelector("[data-next]").disabled) go(form, 1);
});

document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-steps]");
  if (form) render(form);
});

document.addEventListener("htmx:after:swap", () => forms().forEach(render));
forms().forEach(render);
