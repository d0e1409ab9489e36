"""Reading a form in a route, for routes that must know who asks before they read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import FormData
from starlette.requests import Request

from greenroom.errors import BadRequest


@asynccontextmanager
async def form(
    request: Request, *, fields: int, largest: int, files: int = 0
) -> AsyncIterator[FormData]:
    """The form in `request`: at most so many fields and files, a field of at most `largest` bytes.

    Its files are closed at the end. Raises BadRequest for what cannot be read.
    """
    try:
        read = await request.form(max_files=files, max_fields=fields, max_part_size=largest)
    except ValueError as error:  # Python has encodings that are none, and raises what it likes
        raise BadRequest(
            "The form names an encoding in which it cannot be read.", do="Send it in UTF-8."
        ) from error
    try:
        yield read
    finally:
        await read.close()
