"""What the doctor found, and which parts are alive. Instant."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass
