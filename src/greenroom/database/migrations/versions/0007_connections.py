"""What Greenroom knows of its webhooks at Cal.com. Instant."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass
