// htmx with server-sent events. The extension finds htmx on `window`, so the order matters.
import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js";

export default window.htmx;
