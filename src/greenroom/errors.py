"""The errors people see. Each says what happened and what to do next."""


class GreenroomError(Exception):
    """A problem the reader of the message can act on.

    Subclasses set `status`, the HTTP status a page answers with; a command prints both
    sentences and exits 1. Bugs are not GreenroomErrors: let them crash.
    """

    status = 500

    def __init__(self, what: str, *, do: str) -> None:
        super().__init__(f"{what} {do}")
        self.what = what
        self.do = do


class BadRequest(GreenroomError):
    """The request cannot be read."""

    status = 400


class SignInNeeded(GreenroomError):
    """Nobody is signed in, or the token is not known."""

    status = 401


class NotAllowed(GreenroomError):
    """Signed in, but the role does not cover this."""

    status = 403


class NotFound(GreenroomError):
    """There is no such thing, or no longer."""

    status = 404


class Conflict(GreenroomError):
    """It clashes with what is already there."""

    status = 409


class Invalid(GreenroomError):
    """The request was read, and one of its values cannot be used."""

    status = 422


class TooMany(GreenroomError):
    """Tried too often; later it may work."""

    status = 429


class Unavailable(GreenroomError):
    """Something Greenroom needs is away for the moment: the database, Cal.com, the mail server."""

    status = 503
