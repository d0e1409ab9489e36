"""How often Cal.com is usually heard, and when it fell silent. Instant."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Three tables; what was heard so far is counted by the first look."""
    op.create_table(
        "delivery_hours",
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", _MOMENT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        _of_connection("delivery_hours"),
        sa.PrimaryKeyConstraint("connection_id", "hour", name=op.f("delivery_hours_pkey")),
    )
    op.create_table(
        "delivery_watches",
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("counted_until", _MOMENT, nullable=False),
        _of_connection("delivery_watches"),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("delivery_watches_pkey")),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("began", _MOMENT, nullable=False),
        sa.Column("usual_seconds", sa.Integer(), nullable=True),
        sa.Column("noticed_at", _MOMENT, nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("looked_at", _MOMENT, nullable=True),
        sa.Column("missed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("webhook", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("mended_at", _MOMENT, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        _of_connection("silences"),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["sync_runs.id"],
            name=op.f("silences_run_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("silences_pkey")),
    )
    op.create_index(op.f("silences_run_id_idx"), "silences", ["run_id"])
    op.create_index(
        "silences_open_idx",
        "silences",
        ["connection_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _of_connection(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["connection_id"],
        ["connections.id"],
        name=op.f(f"{table}_connection_id_fkey"),
        ondelete="CASCADE",
    )
