import { Calendar } from "fullcalendar";
import dayGrid from "fullcalendar/daygrid";
import interaction from "fullcalendar/interaction";
import list from "fullcalendar/list";
import theme from "fullcalendar/themes/classic";
import timeGrid from "fullcalendar/timegrid";

export function showCalendar(place) {
  const calendar = new Calendar(place, {
    plugins: [dayGrid, timeGrid, list, interaction, theme],
    initialView: "timeGridWeek",
    headerToolbar: {
      start: "prev,next today",
      center: "title",
      end: "dayGridMonth,timeGridWeek,timeGridDay,listWeek",
    },
    events: place.dataset.calendar || [],
  });
  calendar.render();
  return calendar;
}
