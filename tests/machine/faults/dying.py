"""Processes that are killed where they wait.

A forked process runs a piece of Greenroom and is ended by SIGKILL at a stop of our choice: a
place in our code where a coroutine waits for something. Nothing is cleaned up, no `finally` runs,
what was sent was sent, just as when the machine's owner pulls the plug of one process.
"""

import ast
import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import traceback
import types
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

import greenroom

SOURCE = str(Path(greenroom.__file__).parent)

Place = tuple[str, str, int, int]
"""File below src/greenroom, function, line, and the instruction in it: entering a transaction and
leaving it stand in the same line."""
Stop = tuple[Place, ...]
"""Where a task waits: the place, after the places it was called from."""

_PATIENCE = 30.0


@dataclass(frozen=True)
class Life:
    """What became of a process: what it said, where it stopped, and whether it was killed."""

    said: list[object] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    was_killed: bool = False


class Mortal:
    """A process that is killed at the `nth` time one of its tasks comes to the `fatal` stop."""

    def __init__(self, pipe: int, fatal: Stop | None, nth: int) -> None:
        self._pipe, self._fatal, self._left = pipe, fatal, nth
        self._begun = False

    def begin(self) -> None:
        """From here on it can die; before, it made itself ready."""
        self._begun = True

    def say(self, value: object) -> None:
        """Have this known, also when it has died meanwhile."""
        self.tell("said", value)

    def tell(self, kind: str, value: object) -> None:
        os.write(self._pipe, json.dumps([kind, value]).encode() + b"\n")

    def _stopped(self, coroutine: object) -> None:
        stop = tuple(_places(coroutine)) if self._begun else ()
        if stop and self._fatal is None:
            self.tell("stop", stop)
        elif stop and stop == self._fatal:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    @types.coroutine
    def _watch(self, coroutine: "Coroutine[object, object, object]"):
        """Run `coroutine` as it is, looking at it whenever it waits."""
        given, error = None, None
        while True:
            try:
                awaited = coroutine.send(given) if error is None else coroutine.throw(error)
            except StopIteration as done:
                return done.value
            self._stopped(coroutine)
            given, error = None, None
            try:
                given = yield awaited
            except BaseException as raised:  # noqa: BLE001  (cancelling is for the coroutine)
                error = raised

    def task(self, loop, coroutine, **options) -> "asyncio.Task[object]":
        async def watched() -> object:
            return await self._watch(coroutine)

        return asyncio.Task(watched(), loop=loop, **options)


Scenario = Callable[[Mortal], Coroutine[object, object, None]]


async def live(scenario: Scenario, until: tuple[Stop, int] | None = None) -> Life:
    """Run `scenario` in a process of its own, killed when it comes to `until` so many times."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _be(scenario, write, until)
    os.close(write)
    os.set_blocking(read, False)
    try:
        text, status = await _watch_over(pid, read)
    finally:
        os.close(read)
    life = _life(text, was_killed=os.WIFSIGNALED(status))
    assert life.was_killed or os.waitstatus_to_exitcode(status) == 0, life.said
    return life


async def _watch_over(pid: int, read: int) -> tuple[bytes, int]:
    text, deadline = b"", asyncio.get_running_loop().time() + _PATIENCE
    while True:
        text += _read(read)
        ended, status = os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222  (it does not wait)
        if ended:
            return text + _read(read), status
        if asyncio.get_running_loop().time() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)  # noqa: ASYNC222  (it is over)
            raise AssertionError(f"It went on for {_PATIENCE} seconds, and said: {text!r}")
        await asyncio.sleep(0.002)


def _read(pipe: int) -> bytes:
    text = b""
    with contextlib.suppress(BlockingIOError):
        while more := os.read(pipe, 1 << 16):
            text += more
    return text


def _life(text: bytes, *, was_killed: bool) -> Life:
    life = Life(was_killed=was_killed)
    for line in text.splitlines():
        kind, value = json.loads(line)
        if kind == "stop":
            life.stops.append(tuple(tuple(place) for place in value))
        else:
            life.said.append(value)
    return life


def _be(scenario: Scenario, write: int, until: tuple[Stop, int] | None) -> None:
    """Be the process, and never return."""
    mortal, code = Mortal(write, *(until or (None, 0))), 1
    try:
        # What the parent has open is the parent's: no collection may close it from here.
        gc.freeze()
        gc.disable()
        with asyncio.Runner() as runner:
            runner.get_loop().set_task_factory(mortal.task)
            runner.run(scenario(mortal))
        code = 0
    except BaseException:  # noqa: BLE001  (whatever it was, the parent is told)
        mortal.say(traceback.format_exc())
    finally:
        sys.stdout.flush()
        os._exit(code)


def _places(awaited: object) -> Iterator[Place]:
    """The places of our code in a chain of coroutines, outermost first."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        following = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
        if frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(SOURCE):
                place = name.removeprefix(SOURCE).lstrip("/")
                yield place, frame.f_code.co_name, frame.f_lineno, frame.f_lasti
            if frame.f_code.co_filename == contextlib.__file__:
                # What an asynchronous context manager waits for hides behind its generator.
                following = getattr(frame.f_locals.get("self"), "gen", None) or following
        awaited = following


def each_stop(life: Life, *, times: int = 1) -> list[tuple[Stop, int]]:
    """Every stop of a life, and the time it was come to: the first `times` of each."""
    found: Counter[Stop] = Counter()
    every = []
    for stop in life.stops:
        found[stop] += 1
        if found[stop] <= times:
            every.append((stop, found[stop]))
    return every


def never_stopped_at(
    stops: Collection[Stop], module: str, *, but: Collection[str] = ()
) -> list[str]:
    """The awaits of a module where no task was seen waiting, those in functions `but` apart.

    As "function: line of code"; `module` is a path below src/greenroom.
    """
    text = (Path(SOURCE) / module).read_text()
    seen = {(file, line) for stop in stops for file, _, line, _ in stop}
    missed = []
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.AsyncFunctionDef) and function.name not in but:
            for node in _own(function):
                if not any((module, line) in seen for line in _lines(node)):
                    said = ast.get_source_segment(text, node) or ""
                    missed.append(f"{function.name}: {said.splitlines()[0]}")
    return missed


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The waiting nodes of a function, without those of functions inside it."""
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor):
            yield node
        yield from _own(node)


def _lines(node: ast.AST) -> range:
    match node:
        case ast.AsyncWith(items=items):
            return range(node.lineno, (items[-1].context_expr.end_lineno or node.lineno) + 1)
        case ast.AsyncFor(iter=over):
            return range(node.lineno, (over.end_lineno or node.lineno) + 1)
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


@contextlib.asynccontextmanager
async def buried(url: str) -> AsyncIterator[None]:
    """Leave the block when PostgreSQL has noticed who died in it, and let go of their locks."""
    # A connection that rests is of somebody alive: a pool in this process may have opened one.
    query = """
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend'
          AND (state <> 'idle' OR state_change > clock_timestamp() - interval '1 second')
    """
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        before = {pid for (pid,) in await (await admin.execute(query)).fetchall()}
        yield
        async with asyncio.timeout(_PATIENCE):
            # PostgreSQL tells nobody that a connection ended.
            while {pid for (pid,) in await (await admin.execute(query)).fetchall()} - before:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
