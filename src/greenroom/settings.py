"""How one installation is set up. Read once, at start, from GREENROOM_* variables or `.env`."""

import secrets
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    AnyHttpUrl,
    Field,
    PostgresDsn,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from greenroom.errors import Invalid

WEBHOOK_PATH = "/api/admin/scheduling/cal-com/webhook"
"""Where Cal.com delivers. People have typed this address into Cal.com: it never changes."""

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


class Settings(BaseSettings):
    """Every setting has a default that works on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="GREENROOM_",
        env_file=".env",
        extra="ignore",
        populate_by_name=True,
    )

    public_url: AnyHttpUrl = AnyHttpUrl("http://localhost:8000")
    """Where browsers and Cal.com reach us, such as https://interviews.example.org."""

    company: str = "our company"
    """The company's name, as candidates read it in letters and on their page."""

    data_dir: Path = Path("greenroom-data")
    """The embedded PostgreSQL and the secret key live here. Back this up."""

    database_url: PostgresDsn | None = None
    """An external PostgreSQL 15 or later. Unset: one is run inside `data_dir`."""

    secret_key: SecretStr | None = None
    """Seals API keys and webhook secrets at rest. Unset: made once and kept in `data_dir`."""

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

    smtp_url: SecretStr | None = None
    """The mail server, for example smtps://user:password@mail.example.org:465.

    Unset: letters stay in the outbox, where they can be read and copied."""

    mail_from: str = "Greenroom <greenroom@localhost>"
    """Who letters are from."""

    unsigned_webhooks: Literal["refuse", "accept"] = "refuse"
    """`accept` takes deliveries without a signature: for trials, never on a public address."""

    session_days: Annotated[int, Field(ge=1, le=90)] = 14
    """Days until an idle browser must sign in again."""

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
    def is_local(self) -> bool:
        """Whether only this machine reaches us."""
        return urlsplit(str(self.public_url)).hostname in _LOCAL_HOSTS

    @property
    def origin(self) -> str:
        """`public_url` without a trailing slash."""
        return str(self.public_url).rstrip("/")

    @property
    def webhook_url(self) -> str:
        """The address Cal.com delivers to."""
        return self.origin + WEBHOOK_PATH

    def listening_on(self, port: int) -> Self:
        """The same, with the address of a laptop that serves on `port` unless one was set."""
        if "public_url" in self.model_fields_set:
            return self
        return self.model_copy(update={"public_url": AnyHttpUrl(f"http://localhost:{port}")})

    def is_reachable_from(self, api_url: str) -> bool:
        """Whether Cal.com at `api_url` can deliver to us: one on this machine, or we are public."""
        return not self.is_local or urlsplit(api_url).hostname in _LOCAL_HOSTS

    def sealing_key(self) -> bytes:
        """The key that seals secrets at rest; made and kept in `data_dir` when none is set."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value().encode()
        kept = self.data_dir / "secret.key"
        if not kept.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            kept.touch(mode=0o600)
            kept.write_text(secrets.token_urlsafe(32))
        return kept.read_text().strip().encode()


def load(**given: object) -> Settings:
    """The settings of this installation; `given` overrides variables and `.env`.

    Raises Invalid, naming each variable that cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"GREENROOM_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}"
            if each["loc"]
            else each["msg"].removeprefix("Value error, ")
            for each in error.errors(include_url=False, include_input=False)
        )
        raise Invalid(
            f"The settings cannot be used. {wrong}.",
            do="Mend the variable or the line in .env, then start again.",
        ) from error
