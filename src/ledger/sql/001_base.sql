-- Step 1: the schema as thaw first made it. A ledger that the older Python copier left behind has the first three tables
-- with the contract's columns, and keys, types and views of its own: it is brought to the same shape, rows kept.
--
-- Advisory locks of this schema, as (class, object), in the current database:
--   1952997633, 0           the schema is being made or upgraded
--   1952997634, 0           a process decides whether to start or to resume
--   1952997635, run_number  shared: a process works on the run
--   1952997636, owner_id    exclusive: the owner is alive (its presence)
--   1952997637, owner_id    shared: a load transaction of the owner is open
-- All are held by transactions, so that they work through PgBouncer in transaction mode.

DO $$
BEGIN
    IF to_regnamespace('migration_status') IS NULL THEN
        CREATE SCHEMA migration_status;
    END IF;
END $$;

DROP VIEW IF EXISTS migration_status.v_active_migrations;
DROP VIEW IF EXISTS migration_status.v_table_progress;

-- Keys, checks and unique indexes of an older ledger: ours replace them.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT conrelid::regclass AS relation, conname
          FROM pg_constraint
         WHERE contype IN ('p', 'u', 'c', 'f', 'x')
           AND conrelid IN (to_regclass('migration_status.migration_runs'),
                            to_regclass('migration_status.migration_table_status'),
                            to_regclass('migration_status.migration_chunk_status'))
         ORDER BY contype <> 'f'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', old.relation, old.conname);
    END LOOP;
    FOR old IN
        SELECT indexrelid::regclass AS index
          FROM pg_index
         WHERE indisunique
           AND indrelid IN (to_regclass('migration_status.migration_runs'),
                            to_regclass('migration_status.migration_table_status'),
                            to_regclass('migration_status.migration_chunk_status'))
    LOOP
        EXECUTE format('DROP INDEX %s', old.index);
    END LOOP;
END $$;

CREATE TABLE IF NOT EXISTS migration_status.migration_runs ();
CREATE TABLE IF NOT EXISTS migration_status.migration_table_status ();
CREATE TABLE IF NOT EXISTS migration_status.migration_chunk_status ();

-- Every column, made where it is missing and given its type where it has another. Times without a zone are read as UTC.
DO $$
DECLARE
    wanted record;
    relation text;
    present text;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('migration_runs', 'run_id', 'uuid', NULL, true),
            ('migration_runs', 'started_at', 'timestamp with time zone', 'clock_timestamp()', true),
            ('migration_runs', 'completed_at', 'timestamp with time zone', NULL, false),
            ('migration_runs', 'status', 'text', '''running''', true),
            ('migration_runs', 'config_hash', 'text', NULL, false),
            ('migration_runs', 'total_sources', 'bigint', '0', true),
            ('migration_runs', 'total_tables', 'bigint', '0', true),
            ('migration_runs', 'completed_tables', 'bigint', '0', true),
            ('migration_runs', 'failed_tables', 'bigint', '0', true),
            ('migration_runs', 'total_rows_copied', 'bigint', '0', true),
            ('migration_runs', 'error_message', 'text', NULL, false),
            ('migration_runs', 'metadata', 'jsonb', '''{}''', true),
            ('migration_runs', 'created_by', 'text', 'CURRENT_USER', false),
            ('migration_runs', 'last_progress_at', 'timestamp with time zone', NULL, false),

            ('migration_table_status', 'run_id', 'uuid', NULL, true),
            ('migration_table_status', 'source_name', 'text', '''''', true),
            ('migration_table_status', 'source_database', 'text', '''''', true),
            ('migration_table_status', 'source_schema', 'text', '''''', true),
            ('migration_table_status', 'source_table', 'text', '''''', true),
            ('migration_table_status', 'target_database', 'text', 'current_database()', true),
            ('migration_table_status', 'target_schema', 'text', '''''', true),
            ('migration_table_status', 'target_table', 'text', '''''', true),
            ('migration_table_status', 'status', 'text', '''pending''', true),
            ('migration_table_status', 'started_at', 'timestamp with time zone', NULL, false),
            ('migration_table_status', 'completed_at', 'timestamp with time zone', NULL, false),
            ('migration_table_status', 'total_chunks', 'bigint', '0', true),
            ('migration_table_status', 'completed_chunks', 'bigint', '0', true),
            ('migration_table_status', 'failed_chunks', 'bigint', '0', true),
            ('migration_table_status', 'total_rows_copied', 'bigint', '0', true),
            ('migration_table_status', 'indexes_disabled', 'boolean', 'false', true),
            ('migration_table_status', 'indexes_restored', 'boolean', 'false', true),
            ('migration_table_status', 'error_message', 'text', NULL, false),
            ('migration_table_status', 'metadata', 'jsonb', '''{}''', true),
            ('migration_table_status', 'expected_rows', 'bigint', NULL, false),
            ('migration_table_status', 'planned_at', 'timestamp with time zone', NULL, false),
            ('migration_table_status', 'target_generation', 'bigint', '0', true),
            ('migration_table_status', 'planner_owner_id', 'integer', NULL, false),

            ('migration_chunk_status', 'run_id', 'uuid', NULL, true),
            ('migration_chunk_status', 'source_database', 'text', '''''', true),
            ('migration_chunk_status', 'source_schema', 'text', '''''', true),
            ('migration_chunk_status', 'source_table', 'text', '''''', true),
            ('migration_chunk_status', 'chunk_id', 'bigint', NULL, true),
            ('migration_chunk_status', 'chunk_range', 'jsonb', '''{}''', true),
            ('migration_chunk_status', 'status', 'text', '''pending''', true),
            ('migration_chunk_status', 'rows_copied', 'bigint', '0', true),
            ('migration_chunk_status', 'started_at', 'timestamp with time zone', NULL, false),
            ('migration_chunk_status', 'completed_at', 'timestamp with time zone', NULL, false),
            ('migration_chunk_status', 'retry_count', 'integer', '0', true),
            ('migration_chunk_status', 'error_message', 'text', NULL, false),
            ('migration_chunk_status', 'table_id', 'bigint', NULL, false),
            ('migration_chunk_status', 'expected_rows', 'bigint', NULL, false),
            ('migration_chunk_status', 'owner_id', 'integer', NULL, false),
            ('migration_chunk_status', 'claim_token', 'uuid', NULL, false)
        ) AS list (table_name, column_name, type_name, default_value, required)
    LOOP
        relation := format('migration_status.%I', wanted.table_name);
        SELECT format_type(atttypid, atttypmod) INTO present
          FROM pg_attribute
         WHERE attrelid = relation::regclass AND attname = wanted.column_name AND NOT attisdropped;
        IF present IS NULL THEN
            EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', relation, wanted.column_name, wanted.type_name);
        ELSIF present <> wanted.type_name THEN
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation, wanted.column_name);
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s USING %I::%s', relation, wanted.column_name,
                           wanted.type_name, wanted.column_name, wanted.type_name);
        END IF;
        IF wanted.default_value IS NOT NULL THEN
            EXECUTE format('UPDATE %s SET %I = %s WHERE %I IS NULL', relation, wanted.column_name,
                           wanted.default_value, wanted.column_name);
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', relation, wanted.column_name,
                           wanted.default_value);
        END IF;
        IF wanted.required THEN
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation, wanted.column_name);
        END IF;
    END LOOP;
END $$;

-- What else an older ledger wants to be filled in, we don't know of.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT a.attrelid::regclass AS relation, a.attname
          FROM pg_attribute AS a
         WHERE a.attrelid IN ('migration_status.migration_runs'::regclass,
                              'migration_status.migration_table_status'::regclass,
                              'migration_status.migration_chunk_status'::regclass)
           AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
           AND a.attname NOT IN ('run_id', 'chunk_id')
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', old.relation, old.attname);
    END LOOP;
END $$;

-- Small keys: the run's and the owner's for advisory locks, the table's for its chunks.
ALTER TABLE migration_status.migration_runs
    ADD COLUMN run_number integer GENERATED BY DEFAULT AS IDENTITY;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute
                WHERE attrelid = 'migration_status.migration_table_status'::regclass AND attname = 'table_id'
                  AND NOT attisdropped) THEN
        ALTER TABLE migration_status.migration_table_status DROP COLUMN table_id;
    END IF;
END $$;
ALTER TABLE migration_status.migration_table_status
    ADD COLUMN table_id bigint GENERATED BY DEFAULT AS IDENTITY;

-- An older ledger's words for a state that we don't have. `failed` is the one that is resumed and never believed.
UPDATE migration_status.migration_runs
   SET status = 'failed', error_message = concat_ws('; ', error_message, 'its status was ' || status)
 WHERE status NOT IN ('running', 'completed', 'failed', 'partial');
UPDATE migration_status.migration_table_status
   SET status = 'failed', error_message = concat_ws('; ', error_message, 'its status was ' || status)
 WHERE status NOT IN ('pending', 'in_progress', 'completed', 'failed', 'skipped');
UPDATE migration_status.migration_chunk_status
   SET status = 'failed', error_message = concat_ws('; ', error_message, 'its status was ' || status)
 WHERE status NOT IN ('pending', 'in_progress', 'completed', 'failed');

-- An older ledger's rows without their parents get some, so that nothing is lost.
INSERT INTO migration_status.migration_runs (run_id, status, error_message)
SELECT run_id, 'failed', 'its row was missing when the ledger was upgraded'
  FROM (SELECT run_id FROM migration_status.migration_table_status
        UNION
        SELECT run_id FROM migration_status.migration_chunk_status) AS known
 WHERE NOT EXISTS (SELECT FROM migration_status.migration_runs AS r WHERE r.run_id = known.run_id);
INSERT INTO migration_status.migration_table_status (run_id, source_database, source_schema, source_table, status,
                                                     error_message)
SELECT DISTINCT c.run_id, c.source_database, c.source_schema, c.source_table, 'failed',
       'its row was missing when the ledger was upgraded'
  FROM migration_status.migration_chunk_status AS c
 WHERE NOT EXISTS (SELECT FROM migration_status.migration_table_status AS t
                    WHERE (t.run_id, t.source_database, t.source_schema, t.source_table) =
                          (c.run_id, c.source_database, c.source_schema, c.source_table));

-- An older chunk doesn't say which of several targets it went to: the first.
UPDATE migration_status.migration_chunk_status AS c
   SET table_id = t.table_id
  FROM (SELECT run_id, source_database, source_schema, source_table, min(table_id) AS table_id
          FROM migration_status.migration_table_status
         GROUP BY run_id, source_database, source_schema, source_table) AS t
 WHERE (t.run_id, t.source_database, t.source_schema, t.source_table) =
       (c.run_id, c.source_database, c.source_schema, c.source_table);
ALTER TABLE migration_status.migration_chunk_status ALTER COLUMN table_id SET NOT NULL;

-- Counters that equal what the rows below them add up to. Rows of a chunk that isn't completed were never committed.
UPDATE migration_status.migration_chunk_status SET rows_copied = 0 WHERE status <> 'completed' AND rows_copied <> 0;
UPDATE migration_status.migration_table_status AS t
   SET total_chunks = s.chunks, completed_chunks = s.completed, failed_chunks = s.failed, total_rows_copied = s.rows,
       planned_at = coalesce(t.planned_at, t.started_at, clock_timestamp())
  FROM (SELECT table_id, count(*) AS chunks, count(*) FILTER (WHERE status = 'completed') AS completed,
               count(*) FILTER (WHERE status = 'failed') AS failed, sum(rows_copied) AS rows
          FROM migration_status.migration_chunk_status
         GROUP BY table_id) AS s
 WHERE s.table_id = t.table_id;
UPDATE migration_status.migration_runs AS r
   SET completed_tables = s.completed, failed_tables = s.failed, total_rows_copied = s.rows
  FROM (SELECT run_id, count(*) FILTER (WHERE status IN ('completed', 'skipped')) AS completed,
               count(*) FILTER (WHERE status = 'failed') AS failed, sum(total_rows_copied) AS rows
          FROM migration_status.migration_table_status
         GROUP BY run_id) AS s
 WHERE s.run_id = r.run_id;
UPDATE migration_status.migration_runs AS r
   SET last_progress_at = s.completed_at
  FROM (SELECT run_id, max(completed_at) AS completed_at
          FROM migration_status.migration_chunk_status
         WHERE status = 'completed'
         GROUP BY run_id) AS s
 WHERE s.run_id = r.run_id AND r.last_progress_at IS NULL;

ALTER TABLE migration_status.migration_runs
    ADD CONSTRAINT migration_runs_key PRIMARY KEY (run_id),
    ADD CONSTRAINT migration_runs_number UNIQUE (run_number),
    ADD CONSTRAINT migration_runs_state CHECK (status IN ('running', 'completed', 'failed', 'partial'));
ALTER TABLE migration_status.migration_table_status
    ADD CONSTRAINT migration_table_status_key PRIMARY KEY (table_id),
    ADD CONSTRAINT migration_table_status_names UNIQUE (run_id, source_name, source_database, source_schema, source_table,
                                                        target_database, target_schema, target_table),
    ADD CONSTRAINT migration_table_status_run FOREIGN KEY (run_id) REFERENCES migration_status.migration_runs
        ON DELETE CASCADE,
    ADD CONSTRAINT migration_table_status_state
        CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'skipped'));
ALTER TABLE migration_status.migration_chunk_status
    ADD CONSTRAINT migration_chunk_status_key PRIMARY KEY (table_id, chunk_id),
    ADD CONSTRAINT migration_chunk_status_names UNIQUE (run_id, source_database, source_schema, source_table, chunk_id),
    ADD CONSTRAINT migration_chunk_status_table FOREIGN KEY (table_id) REFERENCES migration_status.migration_table_status
        ON DELETE CASCADE,
    ADD CONSTRAINT migration_chunk_status_state CHECK (status IN ('pending', 'in_progress', 'completed', 'failed'));

CREATE INDEX migration_table_status_target ON migration_status.migration_table_status (target_schema, target_table);
-- What may be claimed. A chunk leaves the first when it is claimed and the second when it is done, so both stay small.
CREATE INDEX migration_chunk_status_pending ON migration_status.migration_chunk_status (table_id, chunk_id)
    WHERE status = 'pending';
CREATE INDEX migration_chunk_status_in_progress ON migration_status.migration_chunk_status (table_id)
    WHERE status = 'in_progress';

-- Who works, or worked, on a run. Alive is who holds its presence, whatever stands here.
CREATE TABLE migration_status.migration_owners (
    owner_id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL REFERENCES migration_status.migration_runs ON DELETE CASCADE,
    host text NOT NULL,
    process_id bigint NOT NULL,
    started_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    deadline_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    evicted_at timestamp with time zone
);
CREATE INDEX migration_owners_run ON migration_status.migration_owners (run_id);

-- The fence of each target table: the run that may load into it. truncated_generation: rows that came under an older
-- generation are gone.
CREATE TABLE migration_status.migration_targets (
    target_schema text NOT NULL,
    target_table text NOT NULL,
    run_id uuid,
    generation bigint NOT NULL DEFAULT 0,
    truncated_generation bigint NOT NULL DEFAULT 0,
    taken_at timestamp with time zone,
    PRIMARY KEY (target_schema, target_table)
);

-- These rows are updated once a chunk: room on their page keeps the updates out of the indexes.
ALTER TABLE migration_status.migration_runs SET (fillfactor = 20);
ALTER TABLE migration_status.migration_table_status SET (fillfactor = 20);
ALTER TABLE migration_status.migration_owners SET (fillfactor = 20);

-- Is this owner's presence held at this moment? A function, and volatile, so that it is asked anew about a row that
-- changed hands while a statement waited for it: a join would still show the former owner's answer.
CREATE FUNCTION migration_status.owner_is_alive(wanted integer) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (SELECT FROM pg_catalog.pg_locks
                    WHERE locktype = 'advisory' AND classid = 1952997636 AND objid = wanted::oid AND objsubid = 2
                      AND granted
                      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
$$;

CREATE VIEW migration_status.v_live_owners AS
SELECT o.owner_id, o.run_id, o.host, o.process_id, o.started_at, o.heartbeat_at, o.deadline_at, o.finished_at,
       l.pid AS presence_pid
  FROM pg_catalog.pg_locks AS l
  JOIN migration_status.migration_owners AS o ON o.owner_id = l.objid::bigint
 WHERE l.locktype = 'advisory' AND l.classid = 1952997636 AND l.objsubid = 2 AND l.granted
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database());

-- One line a table: what status, progress, the page and the metrics show.
CREATE VIEW migration_status.v_table_progress AS
SELECT t.run_id, t.table_id, t.source_name, t.source_database, t.source_schema, t.source_table,
       t.target_database, t.target_schema, t.target_table, t.status,
       t.total_chunks, t.completed_chunks, t.failed_chunks,
       (SELECT count(*) FROM migration_status.migration_chunk_status AS c
         WHERE c.table_id = t.table_id AND c.status = 'in_progress') AS in_progress_chunks,
       t.total_rows_copied, t.expected_rows,
       round(CASE WHEN t.status IN ('completed', 'skipped') THEN 100
                  WHEN t.expected_rows > 0 THEN least(100, 100.0 * t.total_rows_copied / t.expected_rows)
                  WHEN t.total_chunks > 0 THEN 100.0 * t.completed_chunks / t.total_chunks
                  ELSE 0 END, 1) AS percent,
       t.started_at, t.completed_at, t.error_message
  FROM migration_status.migration_table_status AS t;

-- One line a run, with the state that is true now: a run that nobody works on is not running.
CREATE VIEW migration_status.v_migrations AS
SELECT r.run_id, r.run_number, r.status,
       CASE WHEN r.status = 'running' AND owner.alive = 0 THEN 'interrupted' ELSE r.status END AS state,
       r.started_at, greatest(r.started_at, r.last_progress_at) AS last_progress_at, r.completed_at,
       r.metadata ->> 'source_names' AS source_names,
       r.total_sources, r.total_tables, r.completed_tables, r.failed_tables,
       progress.total_chunks, progress.completed_chunks, progress.failed_chunks,
       r.total_rows_copied, progress.expected_rows,
       round(CASE WHEN r.status = 'completed' THEN 100
                  WHEN progress.expected_rows > 0 THEN least(100, 100.0 * r.total_rows_copied / progress.expected_rows)
                  WHEN progress.total_chunks > 0 THEN 100.0 * progress.completed_chunks / progress.total_chunks
                  ELSE 0 END, 1) AS percent,
       owner.alive AS owners_alive, owner.names AS owners, r.error_message, r.created_by
  FROM migration_status.migration_runs AS r
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.total_chunks), 0)::bigint AS total_chunks,
              coalesce(sum(t.completed_chunks), 0)::bigint AS completed_chunks,
              coalesce(sum(t.failed_chunks), 0)::bigint AS failed_chunks,
              sum(t.expected_rows)::bigint AS expected_rows
         FROM migration_status.migration_table_status AS t
        WHERE t.run_id = r.run_id) AS progress
 CROSS JOIN LATERAL (
       SELECT count(*) AS alive,
              coalesce(string_agg(format('%s (pid %s)', o.host, o.process_id), ', ' ORDER BY o.owner_id), '') AS names
         FROM migration_status.v_live_owners AS o
        WHERE o.run_id = r.run_id) AS owner;

CREATE VIEW migration_status.v_active_migrations AS
SELECT * FROM migration_status.v_migrations WHERE status = 'running';
