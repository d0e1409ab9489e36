"""Asking Cal.com in depth: budgets, progress, drift."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and let what was under way begin anew."""
    op.create_table(
        "budgets",
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("filled_at", _MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rests_until", _MOMENT, nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("budgets_connection_id_fkey")
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("budgets_pkey")),
    )
    # A rate limit that was met stays met.
    op.execute(
        "INSERT INTO budgets (connection_id, tokens, filled_at, rests_until)"
        " SELECT connection_id, 0, now(), rests_until FROM looks"
    )
    _looks()
    _runs()
    op.add_column("connections", sa.Column("syncing_by", sa.Text(), nullable=True))
    op.add_column("connections", sa.Column("offers_read_at", _MOMENT, nullable=True))
    op.add_column(
        "connections", sa.Column("renewals", sa.Integer(), server_default="0", nullable=False)
    )
    op.execute("UPDATE connections SET syncing_until = NULL")
    # Jobs of the former kind name a run; what is due is asked for anew within seconds.
    op.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'reconcile' AND status = 'todo'")
    _drift()


def _looks() -> None:
    op.drop_column("looks", "rests_until")
    op.add_column("looks", sa.Column("kind", sa.Text(), nullable=True))
    op.execute("UPDATE looks SET kind = 'incremental'")
    op.alter_column("looks", "kind", nullable=False)
    op.drop_constraint(op.f("looks_pkey"), "looks", type_="primary")
    op.create_primary_key(op.f("looks_pkey"), "looks", ["connection_id", "kind"])
    op.add_column("looks", sa.Column("pages", sa.Integer(), server_default="0", nullable=False))
    op.add_column("looks", sa.Column("last_page", sa.Text(), nullable=True))
    op.add_column("looks", sa.Column("beyond", sa.Text(), nullable=True))


def _runs() -> None:
    op.execute(
        "UPDATE sync_runs SET finished_at = now(), error = 'It ended with the process that did it.'"
        " WHERE finished_at IS NULL"
    )
    op.add_column(
        "sync_runs", sa.Column("kind", sa.Text(), server_default="incremental", nullable=False)
    )
    op.add_column("sync_runs", sa.Column("wanted_since", _MOMENT, nullable=True))
    op.add_column("sync_runs", sa.Column("since", _MOMENT, nullable=True))
    op.add_column("sync_runs", sa.Column("pages", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sync_runs", sa.Column("pages_about", sa.Integer(), nullable=True))
    op.add_column(
        "sync_runs", sa.Column("singly", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("sync_runs", sa.Column("stops", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "sync_runs_open_idx",
        "sync_runs",
        ["connection_id", "kind"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "sync_runs_good_idx",
        "sync_runs",
        ["kind", "finished_at"],
        postgresql_where=sa.text("finished_at IS NOT NULL AND error IS NULL"),
    )


def _drift() -> None:
    op.create_table(
        "drift",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("said_at", _MOMENT, nullable=True),
        sa.Column("found_at", _MOMENT, nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["sync_runs.id"], name=op.f("drift_run_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("drift_pkey")),
        sa.UniqueConstraint(
            "delivery_id",
            "connection_id",
            "uid",
            "kind",
            name=op.f("drift_delivery_id_connection_id_uid_kind_key"),
        ),
    )
    op.create_index(op.f("drift_run_id_idx"), "drift", ["run_id"], unique=False)
    op.create_index("drift_uid_idx", "drift", ["connection_id", "uid"], unique=False)
