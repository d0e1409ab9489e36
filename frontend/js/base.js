// On every page. One module per behaviour; each looks at the markup and does nothing where it has no place.
import "./page/htmx.js";
import "./page/times.js";
import "./page/live.js";
import "./page/changes.js";
import "./page/address.js";
import "./page/ask.js";
import "./page/copy.js";
import "./page/dismiss.js";
import "./page/picking.js";
import "./page/steps.js";
