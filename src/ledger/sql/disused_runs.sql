-- Runs that nobody needs any more: completed ones of which each table was completed again, from the same source into the same
-- target, by a later completed run with no row set aside: from such a one watermarks go on. With $1 also unfinished ones that nobody works on and that have made no progress for $1
-- seconds; and the run $2, if it is unfinished.
SELECT v.run_id, v.status, v.source_names, v.total_tables, v.total_rows_copied,
       extract(epoch FROM clock_timestamp() - v.last_progress_at)::bigint,
       (SELECT string_agg(DISTINCT format('%s.%s', t.target_schema, t.target_table), ', ')
          FROM migration_status.migration_table_status AS t
         WHERE t.run_id = v.run_id AND t.total_rows_copied > 0) AS targets
  FROM migration_status.v_migrations AS v
 WHERE v.owners_alive = 0
   AND CASE WHEN v.status = 'completed' THEN NOT EXISTS (
                SELECT FROM migration_status.migration_table_status AS t
                 WHERE t.run_id = v.run_id
                   AND NOT EXISTS (
                       SELECT FROM migration_status.migration_table_status AS again
                         JOIN migration_status.migration_runs AS later USING (run_id)
                        WHERE later.status = 'completed' AND again.status = 'completed'
                          AND (later.started_at, later.run_number) > (v.started_at, v.run_number)
                          AND NOT EXISTS (SELECT FROM migration_status.rejected_rows AS r WHERE r.table_id = again.table_id)
                          AND (again.source_name, again.source_database, again.source_schema, again.source_table, again.target_database,
                               again.target_schema, again.target_table)
                              IS NOT DISTINCT FROM
                              (t.source_name, t.source_database, t.source_schema, t.source_table, t.target_database, t.target_schema,
                               t.target_table)))
            ELSE coalesce(v.run_id = $2::uuid
                          OR v.last_progress_at < clock_timestamp() - make_interval(secs => $1::double precision), false)
       END
 ORDER BY v.started_at, v.run_number
