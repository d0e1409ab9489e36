"""How often Cal.com is usually heard, and when it fell silent. Instant."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    pass
