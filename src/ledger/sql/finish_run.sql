-- What the tables of run $1 say, and how many owners other than $2 still work on it. The run's row is locked.
SELECT count(*) FILTER (WHERE status NOT IN ('completed', 'skipped')) AS left_over,
       (SELECT count(*) FROM migration_status.v_live_owners AS o
         WHERE o.run_id = $1::uuid AND o.owner_id <> $2::integer AND o.finished_at IS NULL) AS others,
       (SELECT string_agg(said, '; ')
          FROM (SELECT format('%s.%s: %s', target_schema, target_table, error_message) AS said
                  FROM migration_status.migration_table_status
                 WHERE run_id = $1::uuid AND status = 'failed' AND error_message IS NOT NULL
                 ORDER BY table_id LIMIT 5) AS first_few) AS errors,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) AS tables
  FROM migration_status.migration_table_status
 WHERE run_id = $1::uuid
