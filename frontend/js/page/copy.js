// Buttons that copy: <button data-copy="text">. Outside of https the browser has no clipboard to write to.
import { announce } from "./changes.js";

const SHOWN = 2000;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const copied = await put(button.dataset.copy, button);
  announce(copied ? "Copied" : "The browser did not allow copying");
  if (copied) confirm(button);
});

function confirm(button) {
  const word = button.querySelector("[data-copy-word]");
  if (!word || button.hasAttribute("data-copied")) return;
  const before = word.textContent;
  button.setAttribute("data-copied", "");
  word.textContent = "Copied";
  setTimeout(() => {
    button.removeAttribute("data-copied");
    word.textContent = before;
  }, SHOWN);
}

async function put(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    button.after(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    button.focus();
    return copied;
  }
}

// A field that is there to be copied selects itself.
document.addEventListener("focusin", (event) => {
  if (event.target.matches(".copy input[readonly]")) event.target.select();
});
