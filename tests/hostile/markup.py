"""Whether a page has only the elements and attributes our templates have."""

import re
from html.parser import HTMLParser
from importlib.resources import files

_TEMPLATES = files("greenroom.web") / "templates"
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_VALUE = re.compile(r'="[^"]*"')
_ADDRESS = re.compile(
    r'\b(?:href|src|action|formaction|hx-(?:get|post))="\s*(?!/|https?:|#|\?|mailto:)[^"]'
)
_FROM_CODE = (
    '<time datetime="x"><a href="x" target="_blank" rel="noopener noreferrer" style="x"></a><br>'
    '<html lang="en"><head><meta charset name content><title></title><style></style></head>'
    '<body style="x"><div style="x"><p dir="auto" style="x" class="small"><strong></strong>'
)
"""What Python writes: times, links in letters, letters."""


class _Elements(HTMLParser):
    """Every (element, attribute) and (element, "") in a text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: set[tuple[str, str]] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, ""), *((tag, name) for name, _ in attrs)}

    def handle_comment(self, data: str) -> None:
        self.found.add(("<!--", ""))

    def handle_pi(self, data: str) -> None:
        self.found.add(("<?", ""))

    def unknown_decl(self, data: str) -> None:
        self.found.add(("<![", ""))


class Pages:
    """Remembers the shapes of pages it has parsed: most pages are alike but for their texts."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._ours = _Elements("".join(map(_bare, _sources()))).found
        self._ours |= _Elements(_FROM_CODE).found

    def strange(self, page: str) -> set[str]:
        """What no template of ours has; empty for a page as it should be."""
        shape = _VALUE.sub('=""', "".join(_TAG.findall(page)))
        found = {f"address {each}" for each in _ADDRESS.findall(page)}
        if shape in self._known:
            return found
        elements = {f"<{tag} {name}>" for tag, name in _Elements(page).found - self._ours}
        if not elements:
            self._known.add(shape)
        return found | elements


def _sources() -> list[str]:
    folders = [_TEMPLATES, *(each for each in _TEMPLATES.iterdir() if each.is_dir())]
    return [
        each.read_text("utf-8") for folder in folders for each in folder.iterdir() if each.is_file()
    ]


def _bare(template: str) -> str:
    return _EXPRESSION.sub("", template)
