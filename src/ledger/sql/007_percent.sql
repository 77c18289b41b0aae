-- 100 % is what is completed. Tables without a plan are taken to be as large as the others, as in the answer of a run.
CREATE OR REPLACE VIEW migration_status.v_migrations AS
SELECT r.run_id, r.run_number, r.status,
       CASE WHEN r.status = 'running' AND owner.alive = 0 THEN 'interrupted' ELSE r.status END AS state,
       r.started_at, greatest(r.started_at, r.last_progress_at) AS last_progress_at, r.completed_at,
       r.metadata ->> 'source_names' AS source_names,
       r.total_sources, r.total_tables, r.completed_tables, r.failed_tables,
       progress.total_chunks, progress.completed_chunks, progress.failed_chunks,
       r.total_rows_copied, progress.expected_rows,
       CASE WHEN r.status = 'completed' THEN 100.0
            ELSE least(99.9, round(100.0 * progress.planned_tables / greatest(progress.tables, 1)
                                   * CASE WHEN progress.expected_rows > 0 THEN progress.loaded_rows / progress.expected_rows
                                          WHEN progress.total_chunks > 0 THEN progress.completed_chunks::numeric / progress.total_chunks
                                          ELSE 0 END, 1)) END AS percent,
       owner.alive AS owners_alive, owner.names AS owners, r.error_message, r.created_by
  FROM migration_status.migration_runs AS r
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.total_chunks), 0)::bigint AS total_chunks,
              coalesce(sum(t.completed_chunks), 0)::bigint AS completed_chunks,
              coalesce(sum(t.failed_chunks), 0)::bigint AS failed_chunks,
              sum(t.expected_rows)::bigint AS expected_rows,
              sum(least(t.total_rows_copied, t.expected_rows)) AS loaded_rows,
              count(*) AS tables, count(t.planned_at) AS planned_tables
         FROM migration_status.migration_table_status AS t
        WHERE t.run_id = r.run_id) AS progress
 CROSS JOIN LATERAL (
       SELECT count(*) AS alive,
              coalesce(string_agg(format('%s (pid %s)', o.host, o.process_id), ', ' ORDER BY o.owner_id), '') AS names
         FROM migration_status.v_live_owners AS o
        WHERE o.run_id = r.run_id) AS owner;
