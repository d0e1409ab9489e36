// Puts times into the reader's zone, and keeps "14 s ago" true. The server writes UTC.
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const language = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const day = { weekday: "short", day: "numeric", month: "short" };
const clock = { hour: "2-digit", minute: "2-digit" };

const formats = {
  clock: new Intl.DateTimeFormat(language, clock),
  day: new Intl.DateTimeFormat(language, day),
  when: new Intl.DateTimeFormat(language, { ...day, ...clock }),
  second: new Intl.DateTimeFormat(language, { day: "numeric", month: "short", ...clock, second: "2-digit" }),
  full: new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long", year: "numeric", ...clock }),
  plain: new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric", ...clock }),
  exact: new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" }),
};

export function localise(root) {
  for (const element of root.querySelectorAll("time[datetime]")) show(element);
}

function show(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.valueOf())) return;
  const form = element.closest("[data-form]")?.dataset.form ?? "plain";
  const text = form === "span" ? span(at) : inWords(at, form);
  if (element.textContent !== text) element.textContent = text;
  if (!element.title) element.title = formats.exact.format(at);
}

function inWords(at, form) {
  // Inside a sentence the day is no beginning.
  if (form === "said") return inWords(at, "when").replace(/^(To|Yes)/, (start) => start.toLowerCase());
  if (form === "when") {
    const days = daysFromToday(at);
    if (days === 0) return `Today, ${formats.clock.format(at)}`;
    if (days === 1) return `Tomorrow, ${formats.clock.format(at)}`;
    if (days === -1) return `Yesterday, ${formats.clock.format(at)}`;
  }
  if (form === "clock" && daysFromToday(at) !== 0) return formats.when.format(at);
  return formats[form].format(at);
}

function daysFromToday(at) {
  const midnight = (moment) => Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return (midnight(at) - midnight(new Date())) / (DAY * 1000);
}

// As `span` in templates/_macros.html says it.
function span(at) {
  const seconds = Math.floor(Math.abs(Date.now() - at) / 1000);
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  const days = Math.floor((seconds + DAY / 2) / DAY);
  return `${days} day${days === 1 ? "" : "s"}`;
}

// Before new content is in the page: nobody sees UTC first.
document.addEventListener("htmx:before:swap", (event) => {
  for (const task of event.detail.tasks) if (task.fragment) localise(task.fragment);
});

localise(document);
setInterval(() => localise({ querySelectorAll: () => document.querySelectorAll("time[data-form=span]") }), 5000);
