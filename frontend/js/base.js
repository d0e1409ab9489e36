// On every page: htmx and its server-sent events. The extension finds htmx on `window`,
// so the order of these two imports matters.
import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js";
