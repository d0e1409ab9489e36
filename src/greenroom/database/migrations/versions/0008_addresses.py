"""Where the public reaches us, and whom we could not tell. Instant."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "public_address",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("since", _MOMENT, nullable=True),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("typed", sa.Text(), nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        sa.Column("found_by", sa.Text(), nullable=True),
        sa.Column("seen_at", _MOMENT, nullable=True),
        sa.Column("lost_at", _MOMENT, nullable=True),
        sa.Column("looked_at", _MOMENT, nullable=True),
        sa.Column("look_what", sa.Text(), nullable=True),
        sa.Column("look_do", sa.Text(), nullable=True),
        sa.Column("refused_at", _MOMENT, nullable=True),
        sa.Column("refused_what", sa.Text(), nullable=True),
        sa.Column("refused_do", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("public_address_is_one_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("public_address_pkey")),
    )
    op.create_table(
        "failed_tellings",
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("renewals", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("again_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("failed_tellings_connection_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("failed_tellings_pkey")),
    )
