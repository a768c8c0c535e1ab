"""The inbox's tables."""

INBOX = """
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of arrival
    id TEXT NOT NULL UNIQUE,                -- the integration reads it in X-MX-Delivery
    same TEXT NOT NULL UNIQUE,              -- equal for two that tell the same: MaintainX's own duplicates
    event TEXT NOT NULL,
    entity TEXT NOT NULL,                   -- deliveries of one entity keep their order
    at TEXT NOT NULL,                       -- when it happened, as MaintainX says; empty where it does not
    polled INTEGER NOT NULL,                -- found by asking, not sent by MaintainX
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'kept', 'dropped')),
    content_type TEXT NOT NULL,
    body BLOB NOT NULL,                     -- empty once it is delivered or dropped
    size INTEGER NOT NULL,                  -- bytes of the body as it came
    sealed INTEGER NOT NULL,                -- body and answer are encrypted
    signed_with INTEGER NOT NULL,           -- which of the configured secrets it was signed with
    received_at TEXT NOT NULL,
    waits_since TEXT NOT NULL,              -- received_at, or when a person wanted it sent again
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at TEXT,
    settled_at TEXT,
    answer_status INTEGER,
    answer BLOB,
    says TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX delivery_line ON delivery (seq, entity) WHERE state = 'waiting';
CREATE INDEX delivery_state ON delivery (state, seq, size);
CREATE INDEX delivery_told ON delivery (entity, at);
CREATE TABLE watermark (collection TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
"""
