"""The job queue's tables, as Procrastinate 3.10 makes them. Instant."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    script = Path(__file__).parent.parent / "procrastinate_3_10.sql"
    # Straight to the driver: the script holds percent signs that are not parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(script.read_text())
