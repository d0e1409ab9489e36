"""How one installation is set up. Read once, at start, from GREENROOM_* variables or `.env`."""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    AnyHttpUrl,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from greenroom.errors import Invalid, Unavailable

WEBHOOK_PATH = "/api/admin/scheduling/cal-com/webhook"
"""Where Cal.com delivers. People have typed this address into Cal.com: it never changes."""

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


def _for_libpq(url: str) -> str:
    # Pydantic's own type refuses URLs without a host, which are those of a local socket.
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres"} or not rest:
        raise ValueError("Input should be like postgresql://user:password@host/database")
    return f"postgresql://{rest}"


def _agents(given: str) -> str:
    text = given.strip().lower()
    named = [each.strip() for each in text.split(",")]
    if text not in {"on", "off"} and not all(
        each.startswith(("http://", "https://")) and urlsplit(each).hostname for each in named
    ):
        raise ValueError("Input should be on, off, or like http://ngrok:4040")
    return text


class Settings(BaseSettings):
    """Every setting has a default that works on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="GREENROOM_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    public_url: AnyHttpUrl = AnyHttpUrl("http://localhost:8000")
    """Where browsers and Cal.com reach us, such as https://interviews.example.org.

    Unset: what is typed in on the page, else a tunnel that runs here, else this machine alone."""

    find_tunnel: Annotated[str, AfterValidator(_agents)] = "on"
    """Whether to use the tunnel that ngrok or cloudflared made for us, while no address is set.

    `off`, or where their local API answers, with commas between: http://ngrok:4040."""

    company: str = "our company"
    """The company's name, as candidates read it in letters and on their page."""

    data_dir: Path = Path("greenroom-data")
    """The embedded PostgreSQL and the secret key live here. Back this up."""

    database_url: Annotated[str, AfterValidator(_for_libpq)] | None = None
    """An external PostgreSQL 15 or later. Unset: one is run inside `data_dir`."""

    secret_key: SecretStr | None = None
    """Seals API keys and webhook secrets at rest. Unset: made once and kept in `data_dir`."""

    old_secret_keys: SecretStr | None = None
    """Keys from before `GREENROOM_SECRET_KEY` was changed, with commas between.

    They open what was sealed with them; at start it is sealed anew, with the present one."""

    calcom_api_key: Annotated[
        SecretStr | None,
        Field(validation_alias=AliasChoices("GREENROOM_CALCOM_API_KEY", "CAL_COM_API_KEY")),
    ] = None
    """The API key `greenroom connect` uses when none is given (cal_live_...)."""

    calcom_api_url: Annotated[
        AnyHttpUrl,
        Field(validation_alias=AliasChoices("GREENROOM_CALCOM_API_URL", "CAL_COM_API_URL")),
    ] = AnyHttpUrl("https://api.cal.com/v2")
    """Cal.com's API up to and including /v2. Self-hosted: for example http://calcom.internal:5555/v2."""

    calcom_requests_per_minute: Annotated[int, Field(ge=6, le=600)] = 60
    """How often each connection may ask Cal.com in a minute; Cal.com allows a key 120."""

    allow_private_calcom: bool = False
    """Whether a Cal.com that is connected on the page may be in our own network, or on http.

    The command line may always name one there."""

    smtp_url: SecretStr | None = None
    """The mail server, for example smtps://user:password@mail.example.org:465.

    Unset: letters stay in the outbox, where they can be read and copied."""

    mail_from: str = "Greenroom <greenroom@localhost>"
    """Who letters are from."""

    unsigned_webhooks: Literal["refuse", "accept"] = "refuse"
    """`accept` takes deliveries without a signature: for trials, never on a public address."""

    trusted_proxies: str = "127.0.0.1"
    """Addresses of the proxies in front of us, with commas between.

    Their word about a visitor's address counts, and tries to sign in are counted by it."""

    session_days: Annotated[int, Field(ge=1, le=90)] = 14
    """Days until an idle browser must sign in again."""

    keep_bodies_days: Annotated[int, Field(ge=1, le=36_500)] = 90
    """Days after which the bodies of deliveries that were taken in are emptied.

    What a delivery did stays, and so does what tells the same bytes apart from new ones."""

    metrics: Literal["token", "open"] = "token"
    """Who may read `/metrics`: whoever has an API token, or, with `open`, everybody."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important kind of log line that is written."""

    @model_validator(mode="after")
    def _unsigned_only_at_home(self) -> Self:
        if self.unsigned_webhooks == "accept" and not self.is_local:
            message = (
                f"GREENROOM_UNSIGNED_WEBHOOKS=accept is for local trials, but {self.public_url} is "
                "a public address. Remove the setting and give the webhook a secret in Cal.com."
            )
            raise ValueError(message)
        return self

    @property
    def is_public_url_set(self) -> bool:
        """Whether somebody said what `public_url` is; else it is this machine's own."""
        return "public_url" in self.model_fields_set

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches us."""
        return urlsplit(str(self.public_url)).hostname in _LOCAL_HOSTS

    @property
    def origin(self) -> str:
        """`public_url` without a trailing slash."""
        return str(self.public_url).rstrip("/")

    def listening_on(self, port: int) -> Self:
        """The same, with the address of a laptop that serves on `port` unless one was set."""
        return self if self.is_public_url_set else self._here(f"http://localhost:{port}")

    def note_address(self) -> None:
        """Leave word in `data_dir` of where we answer, for commands that print addresses."""
        with suppress(OSError):  # a directory that is only read has no commands beside it
            self.data_dir.mkdir(parents=True, exist_ok=True)
            (self.data_dir / "address").write_text(self.origin)

    def beside_serve(self) -> Self:
        """The same, with the address at which `serve` last answered here unless one was set."""
        noted = self.data_dir / "address"
        if self.is_public_url_set or not noted.is_file():
            return self
        return self._here(noted.read_text().strip())

    def _here(self, origin: str) -> Self:
        copied = self.model_copy(update={"public_url": AnyHttpUrl(origin)})
        copied.model_fields_set.discard("public_url")  # nobody set it
        return copied

    def former_keys(self) -> Sequence[bytes]:
        """The keys that may have sealed what is stored, beside the present one."""
        given = "" if self.old_secret_keys is None else self.old_secret_keys.get_secret_value()
        return [key.strip().encode() for key in given.split(",") if key.strip()]

    def sealing_key(self) -> bytes:
        """The key that seals secrets at rest; made and kept in `data_dir` when none is set.

        Raises Unavailable when `data_dir` cannot be used.
        """
        if self.secret_key is not None:
            return self.secret_key.get_secret_value().encode()
        kept = self.data_dir / "secret.key"
        try:
            if not kept.exists():
                _make_key(kept)
            return kept.read_text().strip().encode()
        except OSError as error:
            raise Unavailable(
                f"The secret key cannot be kept in {self.data_dir}: {error.strerror}.",
                do="Choose another GREENROOM_DATA_DIR, or set GREENROOM_SECRET_KEY.",
            ) from error


def _make_key(kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    made = kept.with_name(f"secret.key.{os.getpid()}")
    made.touch(mode=0o600)
    made.write_text(secrets.token_urlsafe(32))
    # Of processes that start together one is first, and none reads a key half written.
    with suppress(FileExistsError):
        kept.hardlink_to(made)
    made.unlink()


def load(**given: object) -> Settings:
    """The settings of this installation; `given` overrides variables and `.env`.

    Raises Invalid, naming each variable that cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            (f"{_variable(each['loc'])}: " if each["loc"] else "")
            + each["msg"].removeprefix("Value error, ").removesuffix(".")
            for each in error.errors(include_url=False, include_input=False)
        )
        raise Invalid(
            f"The settings cannot be used. {wrong}.",
            do="Mend the variable or the line in .env, then start again.",
        ) from error


def _variable(loc: tuple[int | str, ...]) -> str:
    # Fields that have several names are called by the first, which has the prefix already.
    return f"GREENROOM_{'_'.join(map(str, loc)).upper().removeprefix('GREENROOM_')}"
