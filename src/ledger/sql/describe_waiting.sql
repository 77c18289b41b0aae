-- What keeps the owner $2 of run $1 from claiming more: what other owners have in hand, and backends that have had rows of the
-- ledger locked for some seconds. One line of text, NULL where there is nothing of the kind.
SELECT string_agg(said, '; ')
  FROM (SELECT format('%s chunk(s) from chunk %s of %s in hand of %s (pid %s), last heard of %s s ago', count(*), min(c.chunk_id),
                      c.source_table, o.host, o.process_id,
                      extract(epoch FROM clock_timestamp() - coalesce(o.heartbeat_at, o.started_at))::bigint) AS said
          FROM migration_status.migration_chunk_status AS c
          JOIN migration_status.migration_owners AS o USING (owner_id)
         WHERE c.run_id = $1::uuid AND c.status = 'in_progress' AND c.owner_id <> $2::integer
         GROUP BY c.source_table, o.owner_id, o.host, o.process_id, o.heartbeat_at, o.started_at
        UNION ALL
        SELECT format('backend %s (%s, %s for %s s) has rows of the ledger locked', a.pid, a.application_name, a.state,
                      extract(epoch FROM clock_timestamp() - a.state_change)::bigint)
          FROM pg_catalog.pg_stat_activity AS a
         WHERE a.pid NOT IN (SELECT pid FROM pg_catalog.pg_locks
                              WHERE locktype = 'advisory' AND classid = 1952997637 AND objid = $2::integer::oid AND objsubid = 2)
           AND a.pid <> pg_backend_pid() AND a.xact_start < clock_timestamp() - interval '3 seconds'
           AND a.pid IN (SELECT pid FROM pg_catalog.pg_locks
                          WHERE locktype = 'relation' AND granted AND mode NOT IN ('AccessShareLock', 'ShareLock')
                            AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                            AND relation IN ('migration_status.migration_chunk_status'::regclass,
                                             'migration_status.migration_table_status'::regclass))) AS reasons
