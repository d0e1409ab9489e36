"""What Greenroom knows of its webhooks at Cal.com. Instant."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what is known; connections there are were made on the command line."""
    op.add_column("connections", sa.Column("account_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "connections",
        sa.Column("allows_private", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.add_column("connections", sa.Column("webhook_url", sa.Text(), nullable=True))
    op.add_column("connections", sa.Column("webhook_done", sa.Text(), nullable=True))
    op.add_column("connections", sa.Column("webhook_done_at", _MOMENT, nullable=True))
    op.add_column("connections", sa.Column("webhook_problem", sa.Text(), nullable=True))
    op.add_column("connections", sa.Column("disconnected_at", _MOMENT, nullable=True))
    op.add_column(
        "event_types",
        sa.Column("is_chosen", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.create_table(
        "connection_drafts",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("api_key", sa.LargeBinary(), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=True),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("connection_drafts_connection_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("connection_drafts_pkey")),
    )
