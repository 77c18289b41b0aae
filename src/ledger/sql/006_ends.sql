-- What a deadline has cost: when the time of a process is over, which chunks were cut because of it, and how often the planning of
-- a table, or later its end, was broken off.
ALTER TABLE migration_status.migration_owners
    ADD COLUMN ends_at timestamp with time zone;

-- Of a part: the chunk of the plan that it comes from. Of that chunk, which is the first part itself, also why it was cut.
ALTER TABLE migration_status.migration_chunk_status
    ADD COLUMN split_from bigint,
    ADD COLUMN split_reason text;

ALTER TABLE migration_status.migration_table_status
    ADD COLUMN planning_since timestamp with time zone,
    ADD COLUMN deadline_breaks integer NOT NULL DEFAULT 0;

-- Did this owner's own end come over it while it was at what it had begun at `since`, so that more than half of its time went into
-- that? Its last sign of life was shortly before: a heartbeat comes every five seconds, and who answers in time but leaves behind a
-- call that hangs does so in the last ten seconds, or half of a short time. Who crashed, or has no end, or had hardly begun, says
-- nothing of how long the thing takes.
CREATE FUNCTION migration_status.owner_ran_out(wanted integer, since timestamp with time zone) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (SELECT FROM migration_status.migration_owners AS o
                    WHERE o.owner_id = wanted AND o.heartbeat_at > o.ends_at - interval '20 seconds'
                      AND coalesce(o.finished_at + least(interval '10 seconds', (o.ends_at - o.started_at) / 2), clock_timestamp())
                          >= o.ends_at
                      AND since < o.started_at + (o.ends_at - o.started_at) / 2)
$$;

CREATE OR REPLACE VIEW migration_status.v_table_progress AS
SELECT t.run_id, t.table_id, t.source_name, t.source_database, t.source_schema, t.source_table,
       t.target_database, t.target_schema, t.target_table, t.status,
       t.total_chunks, t.completed_chunks, t.failed_chunks,
       chunks.in_progress AS in_progress_chunks,
       t.total_rows_copied, t.expected_rows,
       round(CASE WHEN t.status IN ('completed', 'skipped') THEN 100
                  WHEN t.expected_rows > 0 THEN least(100, 100.0 * t.total_rows_copied / t.expected_rows)
                  WHEN t.total_chunks > 0 THEN 100.0 * t.completed_chunks / t.total_chunks
                  ELSE 0 END, 1) AS percent,
       t.started_at, t.completed_at, t.error_message,
       (SELECT count(*) FROM migration_status.rejected_rows AS r WHERE r.table_id = t.table_id) AS rejected_rows,
       chunks.rows_inserted, chunks.rows_updated, chunks.rows_unchanged, chunks.rows_older, chunks.rows_duplicate,
       chunks.parts AS split_parts, splits.list AS splits
  FROM migration_status.migration_table_status AS t
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE c.status = 'in_progress') AS in_progress,
              sum(c.rows_inserted) FILTER (WHERE c.status = 'completed')::bigint AS rows_inserted,
              sum(c.rows_updated) FILTER (WHERE c.status = 'completed')::bigint AS rows_updated,
              sum(c.rows_unchanged) FILTER (WHERE c.status = 'completed')::bigint AS rows_unchanged,
              sum(c.rows_older) FILTER (WHERE c.status = 'completed')::bigint AS rows_older,
              sum(c.rows_duplicate) FILTER (WHERE c.status = 'completed')::bigint AS rows_duplicate,
              count(c.split_from) AS parts
         FROM migration_status.migration_chunk_status AS c
        WHERE c.table_id = t.table_id) AS chunks
 CROSS JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object('chunk_id', whole.split_from, 'reason', whole.reason, 'completed', whole.completed,
                                           'parts', whole.parts)
                        ORDER BY whole.split_from) AS list
         FROM (SELECT c.split_from, max(c.split_reason) FILTER (WHERE c.chunk_id = c.split_from) AS reason,
                      count(*) FILTER (WHERE c.status = 'completed') AS completed,
                      jsonb_agg(jsonb_build_object('chunk_id', c.chunk_id, 'modulus', c.chunk_range #> '{part,modulus}',
                                                   'remainder', c.chunk_range #> '{part,remainder}', 'status', c.status)
                                ORDER BY c.chunk_id) AS parts
                 FROM migration_status.migration_chunk_status AS c
                WHERE chunks.parts > 0 AND c.table_id = t.table_id AND c.split_from IS NOT NULL
                GROUP BY c.split_from) AS whole) AS splits;
