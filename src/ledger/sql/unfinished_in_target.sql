-- The latest unfinished run other than $3 whose rows are still in the target $1.$2: loaded under a generation that is not
-- older than the last truncation, $4. The older copier knew no generations (0): there a later completed run of the same
-- target says that its user had gone on.
SELECT r.run_id, r.status, t.completed_chunks, t.total_chunks, t.total_rows_copied,
       extract(epoch FROM clock_timestamp() - greatest(r.started_at, r.last_progress_at))::bigint
  FROM migration_status.migration_table_status AS t
  JOIN migration_status.migration_runs AS r USING (run_id)
 WHERE t.target_schema = $1 AND t.target_table = $2 AND t.run_id <> $3::uuid
   AND r.status <> 'completed' AND t.completed_chunks > 0 AND t.target_generation >= $4::bigint
   AND NOT (t.target_generation = 0
            AND EXISTS (SELECT FROM migration_status.migration_table_status AS later
                          JOIN migration_status.migration_runs AS done USING (run_id)
                         WHERE later.target_schema = $1 AND later.target_table = $2
                           AND done.status = 'completed' AND done.started_at > r.started_at))
 ORDER BY greatest(r.started_at, r.last_progress_at) DESC
 LIMIT 1
