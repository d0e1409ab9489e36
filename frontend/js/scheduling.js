// The scheduling page: list and drawer; the calendar is a chunk of its own, the list works before it arrives.
import "./scheduling/board.js";
import "./scheduling/drawer.js";

// On a narrow screen the tab that is shown may be out of sight.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

const place = document.querySelector("[data-calendar]");

if (place) {
  const { showCalendar } = await import("./scheduling/calendar.js");
  showCalendar(place);
}
