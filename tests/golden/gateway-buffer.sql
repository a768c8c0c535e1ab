-- A file as it stands after the upgrade that brought the buffer: writes in every state, the last two sealed by "golden-key".
BEGIN TRANSACTION;
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
INSERT INTO "buffered" VALUES(1,'mxb_0000000000000001','delivered',0,0.0,'workorders/101','PATCH','/v1/workorders/101','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'7B227469746C65223A20226669727374227D',18,0,'',X'01010101010101010101010101010101','critical','2026-11-23T10:00:01+00:00',1,'2026-11-23T10:01:08+00:00','2026-11-23T10:01:08+00:00',200,X'7B22776F726B4F72646572223A7B226964223A3130312C227469746C65223A226669727374222C22757064617465644174223A22323032362D31312D32335431303A30313A31302E3030305A227D7D','');
INSERT INTO "buffered" VALUES(2,'mxb_0000000000000002','rejected',0,0.0,'workorders/101','PATCH','/v1/workorders/101','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'7B226E6F6E73656E7365223A20227365636F6E64227D',22,0,'',X'01010101010101010101010101010101','critical','2026-11-23T10:00:02+00:00',1,'2026-11-23T10:01:08+00:00','2026-11-23T10:01:08+00:00',400,X'7B226572726F7273223A5B7B226572726F72223A226D757374204E4F542068617665206164646974696F6E616C2070726F70657274696573222C226669656C6450617468223A226E6F6E73656E7365227D5D7D','MaintainX refused it with 400');
INSERT INTO "buffered" VALUES(3,'mxb_0000000000000003','waiting',0,0.0,'workorders/101','PATCH','/v1/workorders/101','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'7B227469746C65223A20227468697264227D',18,0,'',X'01010101010101010101010101010101','critical','2026-11-23T10:00:03+00:00',1,'2026-11-23T10:01:08+00:00',NULL,NULL,NULL,'MaintainX answered 429');
INSERT INTO "buffered" VALUES(4,'mxb_0000000000000004','sending',0,0.0,'workorders/102','DELETE','/v1/workorders/102','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'',0,0,'',X'01010101010101010101010101010101','critical','2026-11-23T10:00:04+00:00',1,'2026-11-23T10:01:08+00:00',NULL,NULL,NULL,'');
INSERT INTO "buffered" VALUES(5,'mxb_0000000000000005','unknown',0,1795428083.0,'mxb_0000000000000005','POST','/v1/workorders','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'7B227469746C65223A20224C65616B2061742070756D702033222C20227072696F72697479223A202248494748227D',47,0,'4711',X'01010101010101010101010101010101','critical','2026-11-23T10:00:05+00:00',1,'2026-11-23T10:01:08+00:00',NULL,NULL,NULL,'mx closed the connection before its answer was complete');
INSERT INTO "buffered" VALUES(6,'mxb_0000000000000006','unknown',1,0.0,'mxb_0000000000000006','POST','/v1/assets','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'7B226E616D65223A202250756D702033227D',18,0,'',X'01010101010101010101010101010101','critical','2026-11-23T10:00:06+00:00',1,'2026-11-23T10:01:08+00:00',NULL,NULL,NULL,'mx closed the connection before its answer was complete, and MaintainX cannot be asked whether it arrived');
INSERT INTO "buffered" VALUES(7,'mxb_0000000000000007','dropped',0,0.0,'workorders/103','DELETE','/v1/workorders/103','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'',0,0,'',X'01010101010101010101010101010101','critical','2026-11-23T10:00:07+00:00',0,NULL,'2026-11-23T10:01:08+00:00',NULL,NULL,'is dropped and will never be sent, says cli:ann@host: done by hand');
INSERT INTO "buffered" VALUES(8,'mxb_0000000000000008','waiting',0,0.0,'workorders/101','PATCH','/v1/workorders/101/status','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'7B22737461747573223A2022444F4E45227D',18,0,'',X'01010101010101010101010101010101','critical','2026-11-23T10:00:08+00:00',0,NULL,NULL,NULL,NULL,'');
INSERT INTO "buffered" VALUES(9,'mxb_0000000000000009','waiting',0,0.0,'workorders/104','POST','/v1/workorders/104/comments','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'83221FD7F567553BD78608AF474C15A29A180966FBDC678603DAFC55C996DE8269C2A4ACFF0F2DC91DA9A083C26BE5926A53F6C0673DA17B',28,1,'',X'01010101010101010101010101010101','critical','2026-11-23T10:01:09+00:00',0,NULL,NULL,NULL,NULL,'');
INSERT INTO "buffered" VALUES(10,'mxb_000000000000000a','waiting',0,0.0,'workorders/101','PATCH','/v1/workorders/101','[["Content-Type", "application/json"], ["User-Agent", "sync/2.1"]]',X'AAC06A952202210FAC07E440BCB66DA4B0E1B1BCE8795DE8D190C5FDA1CAE3AE89C6AC14CE72237C31DE7F3301',17,1,'',X'01010101010101010101010101010101','critical','2026-11-23T10:01:10+00:00',0,NULL,NULL,NULL,NULL,'');
CREATE TABLE caller (fingerprint BLOB PRIMARY KEY, accepted_at TEXT NOT NULL) STRICT;
INSERT INTO "caller" VALUES(X'71E6FDFD510194BB2C8A218D4F0ACED1','2026-11-23T10:00:00+00:00');
CREATE TABLE event (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    lease TEXT NOT NULL,
    says TEXT NOT NULL
, buffer_id TEXT NOT NULL DEFAULT '');
INSERT INTO "event" VALUES(1,'2026-11-23T10:00:00+00:00','slack:U061F7AUR','lease_started','buffer-writes','writes buffered; safe requests retried until 10:00:00 UTC: mx-20261123-7f3a','');
INSERT INTO "event" VALUES(2,'2026-11-23T10:01:08+00:00','slack:U061F7AUR','replay_started','','8 writes are left: MaintainX is back','');
INSERT INTO "event" VALUES(3,'2026-11-23T10:01:08+00:00','gateway','write_rejected','','PATCH /v1/workorders/101: MaintainX refused it with 400','mxb_0000000000000002');
INSERT INTO "event" VALUES(4,'2026-11-23T10:01:08+00:00','gateway','write_parked','','POST /v1/assets: mx closed the connection before its answer was complete, and MaintainX cannot be asked whether it arrived. Send it again, or say that it arrived','mxb_0000000000000006');
INSERT INTO "event" VALUES(5,'2026-11-23T10:01:08+00:00','cli:ann@host','write_dropped','','DELETE /v1/workorders/103 is dropped and will never be sent: done by hand','mxb_0000000000000007');
INSERT INTO "event" VALUES(6,'2026-11-23T10:01:08+00:00','cli:ann@host','replay_paused','','4 writes are left: a look first','');
CREATE TABLE feed (instance TEXT NOT NULL);
INSERT INTO "feed" VALUES('b85998032da2cab9');
CREATE TABLE lease (
    id TEXT PRIMARY KEY,
    effect TEXT NOT NULL,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    since TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
INSERT INTO "lease" VALUES('buffer-writes','{"rate_per_s": null, "paused_jobs": [], "buffer": "on", "retry": true, "poll": false}','slack:U061F7AUR','mx-20261123-7f3a','2026-11-23T10:00:00+00:00','2026-11-24T10:00:00+00:00');
CREATE TABLE replay (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    state TEXT NOT NULL CHECK (state IN ('idle', 'running', 'paused', 'done')),
    actor TEXT NOT NULL,
    says TEXT NOT NULL,
    began_at TEXT
) STRICT;
INSERT INTO "replay" VALUES(1,'paused','cli:ann@host','4 writes are left: a look first','2026-11-23T10:01:08+00:00');
CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
INSERT INTO "secret" VALUES('fingerprints',X'E0479981AA809BEB7AD42C1E7F0D8AB8A66DF9ED1501B8D5518D7830A004B159');
CREATE TRIGGER event_stays BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'the event feed is append-only'); END;
CREATE TRIGGER event_is_kept BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'the event feed is append-only'); END;
CREATE INDEX buffered_open ON buffered (entity, seq) WHERE state IN ('waiting', 'sending', 'unknown');
CREATE INDEX buffered_state ON buffered (state, seq, size);
CREATE INDEX buffered_settled ON buffered (state, settled_at) WHERE settled_at IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('event',6);
INSERT INTO "sqlite_sequence" VALUES('buffered',10);
COMMIT;
PRAGMA user_version = 1;
