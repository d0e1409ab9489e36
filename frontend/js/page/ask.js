// Asks before what hx-confirm is on, in a dialog of ours; the word on the button is in data-ask.
const dialog = document.querySelector("#ask");

document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  if (!dialog || !ctx.confirm) return;
  event.preventDefault();
  dialog.querySelector("#ask-what").textContent = ctx.confirm;
  dialog.querySelector("[data-ask-do]").textContent = ctx.sourceElement.dataset.ask ?? "Go on";
  dialog.returnValue = "";
  dialog.addEventListener("close", () => (dialog.returnValue === "yes" ? issueRequest() : dropRequest()), { once: true });
  dialog.showModal();
});
