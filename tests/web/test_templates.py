"""What templates may not hold, and how much a page may weigh."""

import gzip
import json
import re
from pathlib import Path

import pytest

import greenroom

_WEB = Path(greenroom.__file__).parent / "web"
_STATIC = _WEB / "static"
TEMPLATES = sorted((_WEB / "templates").rglob("*.html"))
KB = 1000


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name + "-" + path.stem)
def test_templates_ask_for_nothing_the_content_security_policy_forbids(path):
    text = path.read_text()

    assert not re.search(r"\shx-on[:-]", text), "evaluates its value"
    assert not re.search(r"[\"'](js|javascript):", text), "evaluates its value"
    assert not re.search(r"hx-trigger=\"[^\"]*\[", text), "filters are evaluated"
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"<script(?! type=\"module\" src=)", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name + "-" + path.stem)
def test_templates_trust_nobodys_text(path):
    assert not re.search(r"\|\s*safe\b|autoescape", path.read_text())


def _built(name):
    manifest = _STATIC / "manifest.json"
    if not manifest.exists():
        pytest.skip("the front end is not built: make assets")
    return _STATIC / json.loads(manifest.read_text())[name]


def _with_imports(path, seen):
    """The file and whatever it imports at once; chunks it loads later do not count."""
    if path in seen:
        return
    seen.add(path)
    for name in re.findall(r"(?:from|import)\s*\"\./([^\"]+)\"", path.read_text()):
        _with_imports(path.parent / name, seen)


def test_scripts_weigh_at_most_60_kb_before_the_calendar_comes():
    files = set()
    for name in ("base.js", "scheduling.js"):
        _with_imports(_built(name), files)
    weight = sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)

    assert _built("scheduling/calendar.js") not in files
    assert weight <= 60 * KB
