"""The first tables: places, refusals, facts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "places",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("place", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_places"),
    )
    op.create_index("ix_places_key", "places", ["market", "kind", "code", "valid_from"])
    op.create_table(
        "refusals",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("accepted_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("digest", "dataset", name="pk_refusals"),
    )
    op.create_index("ix_refusals_market", "refusals", ["market"])
    op.create_table(
        "facts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )


def downgrade() -> None:
    """Go back."""
    for table in ("facts", "refusals", "places"):
        op.drop_table(table)
