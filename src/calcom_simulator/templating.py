"""payloadTemplate: the little of Handlebars that webhook templates use."""

import html
import json
import re

from calcom_simulator.model import JSON


def render(template: str, data: JSON) -> str:
    """Fill in; of the escapes, Cal.com takes back only that of quotes."""

    def filled(match: re.Match[str]) -> str:
        value = _look_up(data, match.group(1).strip())
        return html.escape(_as_text(value)).replace("&quot;", '"')

    return re.sub(r"\{\{([^{}]+)\}\}", filled, template)


def is_json(text: str) -> bool:
    """Whether it can be read as JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _look_up(data: object, path: str) -> object:
    for step in path.split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "[object Object]" if isinstance(value, dict) else str(value)
