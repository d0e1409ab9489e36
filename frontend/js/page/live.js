// The page's one stream. What it says become events on <body> that other modules hear:
// "interview", "delivery", "sync", "letter" with ids; "resync" after every connection; "poll" each minute.
import htmx from "./htmx.js";

const stream = document.querySelector("#live");
const POLL = 60_000;
const REVIVAL = 4_000;

function say(state) {
  document.documentElement.dataset.live = state;
}

// The first connection is an ordinary request of htmx: when it fails nothing tries again, but this.
function revive(event) {
  if (event.target !== stream) return;
  say("off");
  setTimeout(() => htmx.process(stream, true), REVIVAL * (1 + Math.random()));
}

if (stream) {
  document.addEventListener("htmx:sse:after:connection", () => say("on"));
  document.addEventListener("htmx:sse:error", () => say("off"));
  document.addEventListener("htmx:sse:close", () => say("off"));
  document.addEventListener("htmx:error", revive);
  document.addEventListener("htmx:response:error", revive);
  setInterval(() => document.body.dispatchEvent(new CustomEvent("poll")), POLL);
}

export function idsOf(event) {
  try {
    return JSON.parse(event.detail.data).ids ?? [];
  } catch {
    return [];
  }
}

// Calls `work` soon after the first call and then at most once per `pause` milliseconds.
export function gently(work, { delay = 40, pause = 500 } = {}) {
  let timer = null;
  let last = 0;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      last = Date.now();
      work();
    }, Math.max(delay, last + pause - Date.now()));
  };
}

const freshen = gently(() => {
  if (document.querySelector("#freshness")) htmx.trigger("#freshness", "freshen");
}, { pause: 1000 });

for (const name of ["delivery", "sync", "interview", "resync", "poll"]) document.body.addEventListener(name, freshen);

const reread = gently(() => {
  const shown = document.querySelector("[data-live-interview]");
  if (!shown) return;
  const address = `/interviews/${shown.dataset.liveInterview}`;
  htmx.ajax("GET", address, { source: shown, target: shown, swap: "outerMorph" });
});

document.body.addEventListener("interview", (event) => {
  const shown = document.querySelector("[data-live-interview]");
  if (shown && idsOf(event).includes(shown.dataset.liveInterview)) reread();
});
for (const name of ["letter", "resync", "poll"]) document.body.addEventListener(name, reread);
