"""Keeping a world in a file, so that a simulator that is started again goes on where it was.

The file is JSON for people to read. Its format has a number, and a file of another format is
not used: the simulator then starts anew and says so.
"""

import asyncio
import json
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from calcom_simulator.memory import Memory
from calcom_simulator.world import World

FORMAT = 3
"""To be raised when a field of `Memory`, or of what it holds, changes its name or meaning."""

_PAUSE = 0.5
"""Seconds in which changes gather before they are saved."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_memory = TypeAdapter(Memory)


class Unfit(Exception):
    """The text is not of a state that this simulator can go on from; says why."""


def written(world: World) -> str:
    """The whole of a world as text."""
    kept = {"format": FORMAT, **_memory.dump_python(world.memory(), mode="json")}
    return json.dumps(kept, ensure_ascii=False, indent=1)


def read(text: str) -> Memory:
    """What `written` wrote. Raises Unfit."""
    try:
        kept = json.loads(text)
    except ValueError as error:
        raise Unfit("it is not JSON") from error
    if not isinstance(kept, dict) or kept.pop("format", None) != FORMAT:
        raise Unfit(f"its format is not {FORMAT}")
    try:
        return _memory.validate_python(kept)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Unfit(f"{where}: {first['msg']}") from error


class Keeper:
    """Keeps `world` in the file at `path`: `note` each change, and `run` saves it soon."""

    def __init__(self, world: World, path: Path) -> None:
        self._world = world
        self._path = path
        self._changed = asyncio.Event()

    def recall(self) -> None:
        """Put the world back to where the file has it, if there is one that fits.

        Raises OSError when it cannot be read.
        """
        try:
            self._world.recall(read(_decoded(self._path.read_bytes())))
        except FileNotFoundError:
            return
        except Unfit as error:
            _say(f"{self._path} is not used, because {error}; starting anew.")

    def note(self) -> None:
        """Have the world saved soon."""
        self._changed.set()

    async def run(self) -> None:
        """Save after changes, until cancelled; what cannot be saved is tried at the next one."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_PAUSE)
            self._changed.clear()
            self.keep()

    def keep(self) -> None:
        """Save now, or say on standard error why not."""
        try:
            self.save()
        except OSError as error:
            _say(f"{self._path} could not be saved: {error.strerror}.")

    def save(self) -> None:
        """Write the file; whoever reads it finds the old one or the new one. Raises OSError."""
        new = self._path.with_name(f"{self._path.name}.new")
        # Texts that came as JSON may hold half a surrogate pair.
        new.write_bytes(written(self._world).encode(errors="surrogatepass"))
        new.replace(self._path)


class Noting:
    """Tells the keeper of every request that may have changed something."""

    def __init__(self, app: ASGIApp, keeper: Keeper) -> None:
        self._app = app
        self._keeper = keeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and note when it is done."""
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "http" and scope["method"] not in _READING:
                self._keeper.note()


def _decoded(data: bytes) -> str:
    try:
        return data.decode(errors="surrogatepass")
    except UnicodeDecodeError as error:
        raise Unfit("it is not text") from error


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
