-- Unfinished runs, and the run $1 whatever its status, newest progress first, with the server's time. Last, how long their owners
-- will be there, where each has a deadline of its own: one that is nearer than the half minute of silence that all are allowed.
SELECT v.run_id, v.run_number, v.status,
       (extract(epoch FROM v.started_at) * 1000000)::bigint,
       (extract(epoch FROM v.last_progress_at) * 1000000)::bigint,
       r.metadata ->> 'execution_hash',
       v.source_names,
       r.metadata -> 'settings',
       v.owners_alive > 0,
       v.owners,
       (SELECT (extract(epoch FROM max(o.deadline_at) - clock_timestamp()) * 1000000)::bigint
          FROM migration_status.v_live_owners AS o
         WHERE o.run_id = v.run_id
        HAVING bool_and(o.deadline_at - o.heartbeat_at < interval '29 seconds'))
  FROM migration_status.v_migrations AS v
  JOIN migration_status.migration_runs AS r USING (run_id)
 WHERE v.status <> 'completed' OR v.run_id = $1::uuid
 ORDER BY v.last_progress_at DESC, v.run_number DESC
