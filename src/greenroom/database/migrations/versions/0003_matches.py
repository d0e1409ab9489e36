"""Whose booking it is: several interviews may share one, and people have the last word.

Copies what is known about each booking, writes the unmatched, moved and unconfirmed ones again
and makes two indexes anew; so long nothing else can be written to bookings.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _matches()
    _verdicts()
    _lineage()
    _bookings()


def _matches() -> None:
    op.create_table(
        "booking_matches",
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("interview_id", sa.BigInteger(), nullable=False),
        sa.Column("rung", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "connection_id", "uid", "address", name=op.f("booking_matches_pkey")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id", "uid"],
            ["bookings.connection_id", "bookings.uid"],
            name="booking_matches_booking_fkey",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    )
    # Seats were not told apart; those of today get theirs when their booking is heard of again.
    op.execute(
        "INSERT INTO booking_matches"
        " SELECT connection_id, uid, '', interview_id, match_rung, match_explanation"
        "   FROM bookings WHERE interview_id IS NOT NULL"
    )
    op.create_index(op.f("booking_matches_interview_id_idx"), "booking_matches", ["interview_id"])


def _verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("interview_id", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "uid", "address", name=op.f("verdicts_pkey")),
    )
    op.create_index(op.f("verdicts_interview_id_idx"), "verdicts", ["interview_id"])
    # The reason was written as "<name> said so".
    op.execute(
        "INSERT INTO verdicts"
        " SELECT connection_id, uid, '', interview_id,"
        "        regexp_replace(match_explanation, ' said so$', ''), changed_at"
        "   FROM bookings WHERE match_rung = 'person'"
    )


def _lineage() -> None:
    op.add_column(
        "booking_lineage", sa.Column("address", sa.Text(), nullable=False, server_default="")
    )
    op.alter_column("booking_lineage", "address", server_default=None)
    op.add_column(
        "booking_lineage",
        sa.Column(
            "claimed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
    )
    op.alter_column("booking_lineage", "claimed_at", server_default=None)
    op.drop_constraint("booking_lineage_pkey", "booking_lineage")
    op.create_primary_key(
        op.f("booking_lineage_pkey"),
        "booking_lineage",
        ["connection_id", "old_uid", "new_uid", "address"],
    )


def _bookings() -> None:
    op.add_column("bookings", sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True))
    for flag in ("is_moved", "is_unmatched"):
        op.add_column(
            "bookings", sa.Column(flag, sa.Boolean(), nullable=False, server_default=sa.false())
        )
        op.alter_column("bookings", flag, server_default=None)
    op.execute(
        "UPDATE bookings SET ask_at = as_of + interval '60 s'"
        " WHERE unconfirmed AND NOT starts_with(uid, 'id:')"
    )
    op.execute("UPDATE bookings SET is_unmatched = true WHERE interview_id IS NULL")
    op.execute(
        "UPDATE bookings AS b SET is_moved = true FROM booking_lineage AS l"
        " WHERE l.connection_id = b.connection_id AND l.old_uid = b.uid"
    )
    op.drop_index("bookings_unmatched_idx", "bookings")
    op.drop_index("bookings_starts_at_idx", "bookings")
    for column in ("interview_id", "match_rung", "match_explanation"):
        op.drop_column("bookings", column)
    op.create_index("bookings_starts_at_idx", "bookings", ["starts_at", "uid", "connection_id"])
    op.create_index(
        "bookings_unmatched_idx",
        "bookings",
        ["starts_at"],
        postgresql_where=sa.text("is_unmatched"),
    )
    op.create_index(
        "bookings_ask_at_idx",
        "bookings",
        ["connection_id", "ask_at"],
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )
    _indexes()


def _indexes() -> None:
    keyset = ["starts_at", "uid", "connection_id"]
    op.create_index("bookings_uid_idx", "bookings", ["uid"])
    op.create_index(
        "bookings_by_status_idx",
        "bookings",
        ["status", *keyset],
        postgresql_where=sa.text("NOT is_moved"),
    )
    op.create_index("bookings_moved_idx", "bookings", keyset, postgresql_where=sa.text("is_moved"))
    op.create_index(
        "bookings_live_idx",
        "bookings",
        ["connection_id", "uid", "ends_at"],
        postgresql_where=sa.text("status IN ('requested', 'confirmed') AND NOT is_moved"),
    )
