-- A file of version 0.1.0: leases and the feed, no buffer.
BEGIN TRANSACTION;
CREATE TABLE event (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    lease TEXT NOT NULL,
    says TEXT NOT NULL
);
INSERT INTO "event" VALUES(1,'2026-11-23T10:00:00+00:00','slack:U061F7AUR','lease_started','rate-limit','1 request per second until 10:00:00 UTC: mx-20261123-7f3a');
INSERT INTO "event" VALUES(2,'2026-11-23T10:01:00+00:00','cli:ann@host','lease_started','short','5 requests per second until 10:11:00 UTC: trying');
INSERT INTO "event" VALUES(3,'2026-11-23T10:02:00+00:00','slack:U061F7AUR','lease_started','pause-jobs','asset-sync and report-generator paused until 10:02:00 UTC: mx-20261123-7f3a');
INSERT INTO "event" VALUES(4,'2026-11-23T10:03:00+00:00','cli:ann@host','lease_deleted','short','5 requests per second is over: undo');
CREATE TABLE feed (instance TEXT NOT NULL);
INSERT INTO "feed" VALUES('2a6a4bee035fb267');
CREATE TABLE lease (
    id TEXT PRIMARY KEY,
    effect TEXT NOT NULL,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    since TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
INSERT INTO "lease" VALUES('rate-limit','{"rate_per_s": 1.0, "paused_jobs": []}','slack:U061F7AUR','mx-20261123-7f3a','2026-11-23T10:00:00+00:00','2026-11-24T10:00:00+00:00');
INSERT INTO "lease" VALUES('pause-jobs','{"rate_per_s": null, "paused_jobs": ["asset-sync", "report-generator"]}','slack:U061F7AUR','mx-20261123-7f3a','2026-11-23T10:02:00+00:00','2026-11-24T10:02:00+00:00');
CREATE TRIGGER event_stays BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'the event feed is append-only'); END;
CREATE TRIGGER event_is_kept BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'the event feed is append-only'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('event',4);
COMMIT;
