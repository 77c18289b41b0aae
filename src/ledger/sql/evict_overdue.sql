-- End the backends that hold the presence or an open transaction of an owner whose deadline has passed. They are
-- found by the locks that they hold at this moment, so that no stranger with a reused process id is hit. One line an owner.
SELECT o.owner_id, bool_and(pg_terminate_backend(l.pid, 5000))
  FROM migration_status.migration_owners AS o
  JOIN (SELECT DISTINCT objid::bigint AS owner_id, pid
          FROM pg_catalog.pg_locks
         WHERE locktype = 'advisory' AND classid IN (1952997636, 1952997637) AND objsubid = 2 AND granted
           AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) AS l
       USING (owner_id)
 WHERE o.deadline_at < clock_timestamp() AND l.pid <> pg_backend_pid()
 GROUP BY o.owner_id
