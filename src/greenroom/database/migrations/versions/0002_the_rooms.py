"""The rooms: candidates, event types, interviews, bookings, Cal.com, letters, accounts. Instant."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:  # noqa: PLR0915  (one statement a table)
    op.create_table(
        "attempts",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("attempts_pkey")),
    )
    op.create_table(
        "booking_lineage",
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("old_uid", sa.Text(), nullable=False),
        sa.Column("new_uid", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "connection_id", "old_uid", "new_uid", name=op.f("booking_lineage_pkey")
        ),
    )
    op.create_index(
        op.f("booking_lineage_new_uid_idx"), "booking_lineage", ["new_uid"], unique=False
    )
    op.create_table(
        "bookings",
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("calcom_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unconfirmed", sa.Boolean(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("interview_id", sa.BigInteger(), nullable=True),
        sa.Column("match_rung", sa.Text(), nullable=True),
        sa.Column("match_explanation", sa.Text(), nullable=True),
        sa.Column("first_heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "uid", name=op.f("bookings_pkey")),
    )
    op.create_index(
        "bookings_calcom_id_idx", "bookings", ["connection_id", "calcom_id"], unique=False
    )
    op.create_index(op.f("bookings_interview_id_idx"), "bookings", ["interview_id"], unique=False)
    op.create_index("bookings_starts_at_idx", "bookings", ["starts_at", "uid"], unique=False)
    op.create_index(
        "bookings_unmatched_idx",
        "bookings",
        ["starts_at"],
        unique=False,
        postgresql_where=sa.text("interview_id IS NULL"),
    )
    op.create_table(
        "candidates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("search", postgresql.TSVECTOR(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("candidates_pkey")),
    )
    op.create_index(
        "candidates_by_age_idx",
        "candidates",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("candidates_by_name_idx", "candidates", ["name_key", "id"], unique=False)
    op.create_index(
        "candidates_search_idx", "candidates", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "connections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("api_key", sa.LargeBinary(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("webhook_id", sa.Text(), nullable=True),
        sa.Column("private_links", sa.Boolean(), nullable=False),
        sa.Column("synced_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("syncing_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("connections_pkey")),
        sa.UniqueConstraint("name", name=op.f("connections_name_key")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=True),
        sa.Column("uid", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duplicates", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("deliveries_pkey")),
        sa.UniqueConstraint(
            "connection_id", "digest", name=op.f("deliveries_connection_id_digest_key")
        ),
    )
    op.create_index(
        "deliveries_by_state_idx",
        "deliveries",
        ["state", sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(op.f("deliveries_uid_idx"), "deliveries", ["uid"], unique=False)
    op.create_index(
        "deliveries_waiting_idx",
        "deliveries",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state IN ('new', 'failed')"),
    )
    op.create_table(
        "facts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("claims", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("sync_run_id", sa.BigInteger(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("facts_pkey")),
        sa.UniqueConstraint(
            "connection_id",
            "uid",
            "source",
            "digest",
            name=op.f("facts_connection_id_uid_source_digest_key"),
        ),
    )
    op.create_index("facts_delivery_id_idx", "facts", ["delivery_id"], unique=False)
    op.create_table(
        "letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("interview_id", sa.BigInteger(), nullable=True),
        sa.Column("candidate_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("to_name", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("letters_pkey")),
        sa.UniqueConstraint(
            "interview_id", "kind", "version", name=op.f("letters_interview_id_kind_version_key")
        ),
        sa.UniqueConstraint("message_id", name=op.f("letters_message_id_key")),
    )
    op.create_index(
        "letters_by_state_idx", "letters", ["state", sa.literal_column("id DESC")], unique=False
    )
    op.create_index(op.f("letters_candidate_id_idx"), "letters", ["candidate_id"], unique=False)
    op.create_index("letters_sent_to_idx", "letters", ["to_address", "sent_at"], unique=False)
    op.create_index(
        "letters_waiting_idx",
        "letters",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'failed')"),
    )
    op.create_table(
        "rejections",
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reason", name=op.f("rejections_pkey")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('viewer', 'recruiter', 'admin')", name=op.f("tokens_role_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("tokens_pkey")),
        sa.UniqueConstraint("digest", name=op.f("tokens_digest_key")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('viewer', 'recruiter', 'admin')", name=op.f("users_role_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
        sa.UniqueConstraint("email_key", name=op.f("users_email_key_key")),
    )
    op.create_table(
        "candidate_addresses",
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["candidates.id"],
            name=op.f("candidate_addresses_candidate_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("candidate_id", "position", name=op.f("candidate_addresses_pkey")),
        sa.UniqueConstraint("key", name=op.f("candidate_addresses_key_key")),
    )
    op.create_table(
        "event_types",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("calcom_id", sa.BigInteger(), nullable=True),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("length_minutes", sa.Integer(), nullable=False),
        sa.Column("booking_url", sa.Text(), nullable=False),
        sa.Column("requires_confirmation", sa.Boolean(), nullable=False),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("event_types_connection_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("event_types_pkey")),
        sa.UniqueConstraint(
            "connection_id", "calcom_id", name=op.f("event_types_connection_id_calcom_id_key")
        ),
    )
    op.create_index(
        "event_types_by_hand_key",
        "event_types",
        ["connection_id", "booking_url"],
        unique=True,
        postgresql_where=sa.text("calcom_id IS NULL"),
    )
    op.create_table(
        "known_networks",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("network", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("known_networks_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "network", name=op.f("known_networks_pkey")),
    )
    op.create_table(
        "looks",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("reached", sa.DateTime(timezone=True), nullable=False),
        sa.Column("skip", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("looks_connection_id_fkey")
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("looks_pkey")),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("sessions_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("sessions_pkey")),
    )
    op.create_index(op.f("sessions_user_id_idx"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("sync_runs_connection_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sync_runs_pkey")),
    )
    op.create_index(
        op.f("sync_runs_connection_id_idx"), "sync_runs", ["connection_id"], unique=False
    )
    op.create_table(
        "tickets",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('set_up', 'sign_in')", name=op.f("tickets_purpose_check")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("tickets_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("tickets_pkey")),
    )
    op.create_index(op.f("tickets_user_id_idx"), "tickets", ["user_id"], unique=False)
    op.create_table(
        "webhook_secrets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("webhook_secrets_connection_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_secrets_pkey")),
    )
    op.create_index(
        op.f("webhook_secrets_connection_id_idx"),
        "webhook_secrets",
        ["connection_id"],
        unique=False,
    )
    op.create_table(
        "interviews",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False),
        sa.Column("event_type_id", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attention", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_of", sa.Text(), nullable=True),
        sa.Column("turns_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booking_uid", sa.Text(), nullable=True),
        sa.Column("booking_status", sa.Text(), nullable=True),
        sa.Column("booking_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successor_expected", sa.Boolean(), nullable=False),
        sa.Column("no_show", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("reschedules", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("interviews_candidate_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["event_type_id"], ["event_types.id"], name=op.f("interviews_event_type_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("interviews_pkey")),
    )
    op.create_index(
        "interviews_attention_idx",
        "interviews",
        ["id"],
        unique=False,
        postgresql_where=sa.text("cardinality(attention) > 0"),
    )
    op.create_index(
        "interviews_by_age_idx",
        "interviews",
        [sa.literal_column("status_since DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "interviews_by_status_idx",
        "interviews",
        ["status", sa.literal_column("status_since DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        op.f("interviews_candidate_id_idx"), "interviews", ["candidate_id"], unique=False
    )
    op.create_index(
        op.f("interviews_event_type_id_idx"), "interviews", ["event_type_id"], unique=False
    )
    op.create_index(
        "interviews_starts_at_idx",
        "interviews",
        ["starts_at"],
        unique=False,
        postgresql_where=sa.text("starts_at IS NOT NULL"),
    )
    op.create_index(
        "interviews_turns_at_idx",
        "interviews",
        ["turns_at"],
        unique=False,
        postgresql_where=sa.text("turns_at IS NOT NULL"),
    )
    op.create_table(
        "booking_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("interview_id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("target_url", sa.Text(), nullable=True),
        sa.Column("private_link", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["interview_id"],
            ["interviews.id"],
            name=op.f("booking_links_interview_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("booking_links_pkey")),
        sa.UniqueConstraint("token", name=op.f("booking_links_token_key")),
    )
    op.create_index(
        op.f("booking_links_interview_id_idx"), "booking_links", ["interview_id"], unique=False
    )
    op.create_index(
        op.f("booking_links_private_link_idx"), "booking_links", ["private_link"], unique=False
    )
    op.create_table(
        "interview_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("interview_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["interview_id"],
            ["interviews.id"],
            name=op.f("interview_history_interview_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("interview_history_pkey")),
    )
    op.create_index(
        op.f("interview_history_interview_id_idx"),
        "interview_history",
        ["interview_id"],
        unique=False,
    )
