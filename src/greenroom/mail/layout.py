"""How a letter is laid out: a list of blocks, written once as text and once as HTML. Pure.

Both parts come from the same blocks, so they cannot say different things.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import assert_never

from greenroom.mail.wording import header


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it is read. `text` and `html` say the same; `link` is what it asks to open."""

    subject: str
    text: str
    html: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labelled values, one under the other."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Button:
    """What the reader is asked to do. In the text part the address stands in full."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's own words, with their line breaks."""

    text: str


Block = Paragraph | Facts | Button | Quote


def compose(subject: str, blocks: Sequence[Block], *, link: str | None) -> Letter:
    """Write the blocks as text and as HTML. With a link, a Button must lead there."""
    assert link is None or any(isinstance(each, Button) and each.url == link for each in blocks)
    return Letter(
        subject=header(subject),
        text="\n\n".join(map(_as_text, blocks)) + "\n",
        html=_PAGE.format(title=escape(subject), body="\n".join(map(_as_html, blocks))),
        link=link,
    )


def _as_text(block: Block) -> str:
    match block:
        case Paragraph(text):
            return text
        case Facts(pairs):
            return "\n".join(f"{label}: {value}" for label, value in pairs)
        case Button(label, url):
            return f"{label}:\n{_web(url)}"
        case Quote(text):
            return text
        case _:
            assert_never(block)


def _as_html(block: Block) -> str:
    match block:
        case Paragraph(text):
            return f'<p dir="auto">{escape(text)}</p>'
        case Facts(pairs):
            rows = (f"{escape(label)}: <strong>{escape(value)}</strong>" for label, value in pairs)
            return f'<p dir="auto">{"<br>".join(rows)}</p>'
        case Button(label, url):
            address = escape(_web(url))
            return (
                f'<p style="margin:28px 0"><a href="{address}" target="_blank" '
                f'rel="noopener noreferrer" style="{_BUTTON}">{escape(label)}</a></p>'
                f'<p class="small">Or open this address: <a href="{address}" target="_blank" '
                f'rel="noopener noreferrer">{address}</a></p>'
            )
        case Quote(text):
            return f'<p dir="auto">{escape(text).replace(chr(10), "<br>")}</p>'
        case _:
            assert_never(block)


_ADDRESS = re.compile(r"https?://[!#-;=?-~]+")


def _web(url: str) -> str:
    """Our own address, checked all the same: nothing else may ever stand behind a button."""
    if not _ADDRESS.fullmatch(url):
        raise ValueError(url)
    return url


_BUTTON = (
    "display:inline-block;padding:14px 28px;border-radius:8px;background:#0b6b3a;color:#ffffff;"
    "font-weight:600;text-decoration:none"
)
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; supported-color-schemes: light dark; }}
.small {{ font-size: 14px; overflow-wrap: anywhere; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #16191c; color: #e8eaec; }} }}
</style>
</head>
<body style="margin:0;padding:24px 16px;font:16px/1.5 system-ui,'Segoe UI',sans-serif">
<div style="max-width:560px;margin:0 auto">
{body}
</div>
</body>
</html>
"""
