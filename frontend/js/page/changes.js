// When a status on the page changes: the badge pulses once, and the news is said.
const said = document.querySelector("#said");
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const PULSE = 600;

export function announce(text) {
  if (said) said.textContent = text;
}

function pulse(element) {
  const badge = element.querySelector(".badge");
  if (!badge) return;
  const tint = getComputedStyle(badge).getPropertyValue("--tint");
  badge.animate([{ backgroundColor: tint, boxShadow: `0 0 0 0.375rem ${tint}` }, {}], { duration: PULSE });
  if (STILL.matches) return;
  badge.querySelector(".dot")?.animate(
    [{ scale: 1 }, { scale: 1.6, offset: 0.35 }, { scale: 1 }],
    { duration: PULSE, easing: "ease-out" },
  );
}

function noticed(records) {
  const news = new Set();
  for (const { target, oldValue } of records) {
    if (oldValue === null || target.dataset.status === oldValue || !target.dataset.name) continue;
    pulse(target);
    news.add(`${target.dataset.name} is ${target.dataset.word}`);
  }
  if (news.size > 3) announce(`${news.size} interviews have changed`);
  else if (news.size) announce([...news].join(". "));
}

// The next frame has the whole swap: word and name are those of the new status.
const records = [];
const observer = new MutationObserver((found) => {
  if (!records.length) requestAnimationFrame(() => noticed(records.splice(0)));
  records.push(...found);
});
const main = document.querySelector("body");
observer.observe(main, { subtree: true, attributeFilter: ["data-status"], attributeOldValue: true });
