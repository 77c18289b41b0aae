-- What became of the rows of a chunk that was merged. Of such a chunk they add up to rows_copied; of one that was copied
-- they are NULL.
ALTER TABLE migration_status.migration_chunk_status
    ADD COLUMN rows_inserted bigint,
    ADD COLUMN rows_updated bigint,
    ADD COLUMN rows_unchanged bigint,
    ADD COLUMN rows_older bigint,
    ADD COLUMN rows_duplicate bigint;

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
       chunks.rows_inserted, chunks.rows_updated, chunks.rows_unchanged, chunks.rows_older, chunks.rows_duplicate
  FROM migration_status.migration_table_status AS t
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE c.status = 'in_progress') AS in_progress,
              sum(c.rows_inserted) FILTER (WHERE c.status = 'completed')::bigint AS rows_inserted,
              sum(c.rows_updated) FILTER (WHERE c.status = 'completed')::bigint AS rows_updated,
              sum(c.rows_unchanged) FILTER (WHERE c.status = 'completed')::bigint AS rows_unchanged,
              sum(c.rows_older) FILTER (WHERE c.status = 'completed')::bigint AS rows_older,
              sum(c.rows_duplicate) FILTER (WHERE c.status = 'completed')::bigint AS rows_duplicate
         FROM migration_status.migration_chunk_status AS c
        WHERE c.table_id = t.table_id) AS chunks;
