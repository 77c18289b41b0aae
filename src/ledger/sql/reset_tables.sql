-- Table $1 of run $2 is as if it had never been planned; where $3, all tables of the run that feed its target. Those that
-- keep their chunks go on under the target's new generation, $4.
UPDATE migration_status.migration_table_status AS t
   SET target_generation = $4::bigint,
       status = CASE WHEN reset.it THEN 'pending' ELSE t.status END,
       planned_at = CASE WHEN NOT reset.it THEN t.planned_at END,
       planner_owner_id = CASE WHEN NOT reset.it THEN t.planner_owner_id END,
       deadline_breaks = CASE WHEN reset.it THEN 0 ELSE t.deadline_breaks END,
       started_at = CASE WHEN NOT reset.it THEN t.started_at END,
       completed_at = CASE WHEN NOT reset.it THEN t.completed_at END,
       error_message = CASE WHEN NOT reset.it THEN t.error_message END,
       expected_rows = CASE WHEN NOT reset.it THEN t.expected_rows END,
       total_chunks = CASE WHEN reset.it THEN 0 ELSE t.total_chunks END,
       completed_chunks = CASE WHEN reset.it THEN 0 ELSE t.completed_chunks END,
       failed_chunks = CASE WHEN reset.it THEN 0 ELSE t.failed_chunks END,
       total_rows_copied = CASE WHEN reset.it THEN 0 ELSE t.total_rows_copied END,
       metadata = CASE WHEN NOT reset.it THEN t.metadata
                       ELSE t.metadata - 'snapshot' - 'window' - 'window' - 'nul_bytes_removed' - 'rounded'
                            || jsonb_build_object('planned_anew', coalesce((t.metadata ->> 'planned_anew')::int, 0) + 1) END
  FROM migration_status.migration_table_status AS lost
 CROSS JOIN LATERAL (SELECT f.table_id, $3::boolean OR f.table_id = lost.table_id AS it
                       FROM migration_status.migration_table_status AS f
                      WHERE f.run_id = lost.run_id AND f.target_schema = lost.target_schema
                        AND f.target_table = lost.target_table) AS reset
 WHERE lost.table_id = $1::bigint AND lost.run_id = $2::uuid AND t.table_id = reset.table_id
