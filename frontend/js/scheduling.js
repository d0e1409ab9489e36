// The scheduling page. The calendar is a chunk of its own: the list works before it arrives.
const place = document.querySelector("[data-calendar]");

if (place) {
  const { showCalendar } = await import("./scheduling/calendar.js");
  showCalendar(place);
}
