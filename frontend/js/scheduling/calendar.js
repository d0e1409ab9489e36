// Month, week, day and list of the interviews that have a time. Colours come by token from CSS.
import { Calendar } from "fullcalendar";
import dayGrid from "fullcalendar/daygrid";
import list from "fullcalendar/list";
import english from "fullcalendar/locales/en-gb";
import theme from "fullcalendar/themes/classic";
import timeGrid from "fullcalendar/timegrid";
import { gently } from "../page/live.js";

const SVG = "http://www.w3.org/2000/svg";
const VIEWS = ["dayGridMonth", "timeGridWeek", "timeGridDay", "listWeek"];
const KEPT = "greenroom.calendar";
const narrow = matchMedia("(width < 48rem)").matches;

export function showCalendar(place) {
  const calendar = new Calendar(place, {
    plugins: [dayGrid, timeGrid, list, theme],
    locales: [english],
    locale: "en-gb",
    initialView: kept() ?? (narrow ? "listWeek" : "timeGridWeek"),
    headerToolbar: { start: "title", center: "", end: `${VIEWS.join(",")} prev,today,next${"sync" in place.dataset ? " sync" : ""}` },
    buttons: { today: { hint: "Today" }, sync: syncButton() },
    height: narrow ? "auto" : "100%",
    titleFormat: { month: "short", day: "numeric", year: "numeric" },
    nowIndicator: true,
    navLinks: true,
    navLinkHint: (_, date) => dayInWords(date, calendar.view.type),
    dayMaxEvents: true,
    headingLevel: 2,
    slotMinTime: "08:00:00",
    slotMaxTime: "18:00:00",
    slotMinHeight: 24,
    expandRows: true,
    eventMinHeight: 24,
    slotHeaderFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    allDaySlot: false,
    eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    noEventsText: "No interviews in these days",
    displayEventEnd: false,
    views: { listWeek: { displayEventEnd: true }, dayGridMonth: { titleFormat: { month: "long", year: "numeric" } }, timeGridDay: { titleFormat: { weekday: "short", day: "numeric", month: "long" } } },
    toolbarClass: "calbar",
    toolbarSectionClass: "calbar__section",
    toolbarTitleClass: "calbar__title",
    buttonGroupClass: "calbar__group",
    buttonClass: "calbar__button",
    eventClass: "meeting",
    eventInnerClass: "meeting__inner",
    rowMoreLinkClass: "calendar__more",
    listItemEventBeforeClass: "calendar__nothing",
    dayHeaderInnerClass: ({ isToday }) => (isToday ? "calendar__day calendar__day--today" : "calendar__day"),
    slotHeaderInnerClass: "calendar__hour",
    dayCellTopInnerClass: ({ isToday }) => (isToday ? "calendar__number calendar__day--today" : "calendar__number"),
    listDayHeaderInnerClass: "calendar__list-day",
    noEventsClass: "calendar__none",
    events: (range, done, failed) => fetchEvents(place.dataset.calendar, range).then((found) => {
      showHours(calendar, found);
      done(found);
    }, failed),
    eventContent,
    eventDidMount,
    eventClick: ({ event, jsEvent }) => {
      if (jsEvent.ctrlKey || jsEvent.metaKey || jsEvent.shiftKey) return;
      jsEvent.preventDefault();
      document.dispatchEvent(new CustomEvent("open-drawer", { detail: event.url }));
    },
    datesSet: ({ view }) => {
      keep(view.type);
      requestAnimationFrame(() => mend(place));
    },
    // The label would hide the interviews in the cell from readers; the number in it has the date.
    dayCellDidMount: ({ el }) => el.removeAttribute("aria-label"),
  });
  calendar.render();
  const again = gently(() => calendar.refetchEvents());
  for (const name of ["interview", "resync", "poll", "filtered"]) document.body.addEventListener(name, again);
  return calendar;
}

async function fetchEvents(address, { start, end }) {
  const query = new URLSearchParams({ start: start.toISOString(), end: end.toISOString() });
  for (const [name, value] of new FormData(document.querySelector("#filters"))) if (value) query.set(name, value);
  const answer = await fetch(`${address}?${query}`, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`The calendar could not be read (${answer.status}).`);
  return (await answer.json()).map((event) => ({ ...event, color: "var(--tint)", contrastColor: "var(--ink)" }));
}

function eventContent({ event, timeText, view }) {
  const { status, word, kind } = event.extendedProps;
  const inList = view.type.startsWith("list");
  const line = element("span", "meeting__line");
  const parts = [dot(status), element("span", "meeting__name", event.title)];
  if (inList) parts.unshift(element("span", "meeting__at", timeText));
  if (inList) parts.push(element("span", "meeting__kind", kind), element("span", "meeting__word", word));
  else parts.push(element("span", "meeting__time", timeText), element("span", "unseen", `, ${word}`));
  line.append(...parts);
  return { domNodes: [line] };
}

function eventDidMount({ el, event, view }) {
  el.dataset.status = event.extendedProps.status;
  el.dataset.view = view.type;
  el.title = `${event.title}, ${event.extendedProps.word}: ${event.extendedProps.kind}`;
  // In lists the link itself is given the role of a list item, and would be no link any more.
  if (view.type.startsWith("list") && el.matches("a")) {
    el.removeAttribute("role");
    el.parentElement.role = "group";
  }
}

// Office hours, and those of meetings outside of them: all of it fits without a bar to scroll.
function showHours(calendar, found) {
  const starts = found.map(({ start }) => new Date(start).getHours());
  const ends = found.map(({ start, end }) => {
    const [from, to] = [new Date(start), new Date(end)];
    return from.getDate() === to.getDate() ? to.getHours() + (to.getMinutes() > 0) : 24;
  });
  const hours = { slotMinTime: Math.min(8, ...starts), slotMaxTime: Math.max(18, ...ends) };
  for (const [name, hour] of Object.entries(hours)) {
    const time = `${String(hour).padStart(2, "0")}:00:00`;
    if (calendar.getOption(name) !== time) calendar.setOption(name, time);
  }
}

// What FullCalendar leaves out for readers: words in header cells that have only a label.
function mend(place) {
  for (const cell of place.querySelectorAll("[role=rowheader][aria-label], [role=columnheader][aria-label]")) {
    if (!cell.querySelector(":scope > .unseen")) cell.append(element("span", "unseen", cell.ariaLabel));
  }
}

function dot(status) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "dot");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#dot-${status}`);
  drawing.append(use);
  return drawing;
}

function element(tag, className, words = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = words;
  return made;
}

// With the words that are seen first: "Tue 24 November 2026".
function dayInWords(date, view) {
  const weekday = date.toLocaleDateString("en-GB", { weekday: view.startsWith("list") ? "long" : "short" });
  return `${weekday} ${date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" })}`;
}

function syncButton() {
  return {
    hint: "Sync now",
    text: "Sync now",
    display: "icon",
    iconContent: () => {
      const icon = document.querySelector(".button--refresh .icon")?.cloneNode(true);
      return { domNodes: [icon ?? document.createTextNode("↻")] };
    },
    click: () => document.querySelector(".button--refresh")?.click(),
  };
}

// The view somebody likes is kept in this browser; where nothing may be kept, the usual one is shown.
function kept() {
  try {
    const view = localStorage.getItem(KEPT);
    return VIEWS.includes(view) ? view : null;
  } catch {
    return null;
  }
}

function keep(view) {
  try {
    localStorage.setItem(KEPT, view);
  } catch {
    return;
  }
}
