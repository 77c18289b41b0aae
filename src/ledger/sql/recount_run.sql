-- The counters of run $1, from its table rows. Its row is locked already.
UPDATE migration_status.migration_runs AS r
   SET total_rows_copied = t.rows, completed_tables = t.completed, failed_tables = t.failed,
       last_progress_at = clock_timestamp()
  FROM (SELECT coalesce(sum(total_rows_copied), 0)::bigint AS rows, count(*) FILTER (WHERE status = 'completed') AS completed,
               count(*) FILTER (WHERE status = 'failed') AS failed
          FROM migration_status.migration_table_status
         WHERE run_id = $1::uuid) AS t
 WHERE r.run_id = $1::uuid
