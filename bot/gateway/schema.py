"""The gateway's file: what the first version made, and each upgrade since, applied once and in order.

An upgrade that was released is never changed: a file may stand at any of them, with a full buffer in it.
"""

from bot.gateway.feed import FEED
from bot.gateway.feed import UPGRADE as AUDIT
from bot.gateway.traffic_store import UPGRADE as TRAFFIC
from bot.gateway.webhooks.schema import INBOX

FIRST = (
    FEED
    + """
CREATE TABLE IF NOT EXISTS lease (
    id TEXT PRIMARY KEY,
    effect TEXT NOT NULL,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    since TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
"""
)

BUFFER = """
ALTER TABLE event ADD COLUMN buffer_id TEXT NOT NULL DEFAULT '';
CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE caller (fingerprint BLOB PRIMARY KEY, accepted_at TEXT NOT NULL) STRICT;
CREATE TABLE buffered (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of arrival
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sending', 'delivered', 'rejected', 'unknown', 'dropped')),
    parked INTEGER NOT NULL DEFAULT 0,      -- of unknown fate, and nobody can find out: a person decides
    look_at REAL NOT NULL DEFAULT 0,        -- of unknown fate: when to look for it (seconds since 1970)
    entity TEXT NOT NULL,                   -- writes of one entity keep their order
    method TEXT NOT NULL,
    target TEXT NOT NULL,                   -- path and query as they came
    headers TEXT NOT NULL,                  -- JSON: [[name, value], ...], never the key
    body BLOB NOT NULL,
    size INTEGER NOT NULL,                  -- bytes of the body as it came
    sealed INTEGER NOT NULL,                -- body and answer are encrypted
    organisation TEXT NOT NULL,
    caller BLOB NOT NULL,                   -- keyed fingerprint of the key it came with
    lane TEXT NOT NULL,
    received_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_at TEXT,
    settled_at TEXT,
    answer_status INTEGER,
    answer BLOB,
    says TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX buffered_open ON buffered (entity, seq) WHERE state IN ('waiting', 'sending', 'unknown');
CREATE INDEX buffered_state ON buffered (state, seq, size);
CREATE INDEX buffered_settled ON buffered (state, settled_at) WHERE settled_at IS NOT NULL;
CREATE TABLE replay (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    state TEXT NOT NULL CHECK (state IN ('idle', 'running', 'paused', 'done')),
    actor TEXT NOT NULL,
    says TEXT NOT NULL,
    began_at TEXT
) STRICT;
INSERT INTO replay (one, state, actor, says) VALUES (1, 'idle', '', '');
"""

UPGRADES = (BUFFER, INBOX, TRAFFIC, AUDIT)
