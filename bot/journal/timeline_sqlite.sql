-- What is written stays as it is: SQLite's triggers.
CREATE TRIGGER IF NOT EXISTS facts_are_not_changed BEFORE UPDATE ON facts
BEGIN SELECT RAISE(ABORT, 'the timeline is append-only: a fact is not changed'); END;
CREATE TRIGGER IF NOT EXISTS facts_are_not_deleted BEFORE DELETE ON facts
BEGIN SELECT RAISE(ABORT, 'the timeline is append-only: a fact is not deleted'); END;
-- REPLACE deletes without asking the trigger above, so what is there may not be inserted again.
CREATE TRIGGER IF NOT EXISTS facts_are_not_replaced BEFORE INSERT ON facts
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM facts)
  OR EXISTS (SELECT 1 FROM facts WHERE stream = NEW.stream AND version = NEW.version)
  OR EXISTS (SELECT 1 FROM facts WHERE key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'the timeline is append-only: a fact is written once, after the last one'); END;
