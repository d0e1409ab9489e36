"""Deliveries: found by what they are about, and emptied when they are old.

New columns are empty or have a constant default, so they cost no rewrite. The indexes are built
while nothing else runs: about ten seconds for each million deliveries.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NEWEST: list[str | sa.TextClause | sa.ColumnElement[object]] = [
    sa.literal_column("received_at DESC"),
    sa.literal_column("id DESC"),
]


def upgrade() -> None:
    """Columns, the indexes behind the filters, and refusals day by day."""
    op.add_column("deliveries", sa.Column("signature", sa.Text(), nullable=True))
    op.add_column(
        "deliveries", sa.Column("last_duplicate_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("deliveries", sa.Column("emptied_bytes", sa.Integer(), nullable=True))
    op.add_column(
        "deliveries", sa.Column("claims", sa.Integer(), server_default="0", nullable=False)
    )
    op.drop_index("deliveries_by_state_idx", "deliveries")
    op.create_index("deliveries_by_age_idx", "deliveries", _NEWEST)
    op.create_index("deliveries_by_state_idx", "deliveries", ["state", *_NEWEST])
    op.create_index("deliveries_by_trigger_idx", "deliveries", ["trigger", *_NEWEST])
    op.create_index("deliveries_by_connection_idx", "deliveries", ["connection_id", *_NEWEST])
    op.create_index(
        "deliveries_to_empty_idx",
        "deliveries",
        ["received_at"],
        postgresql_where=sa.text("body IS NOT NULL AND state IN ('done', 'unread')"),
    )
    op.create_table(
        "rejections_by_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "reason", name=op.f("rejections_by_day_pkey")),
    )
