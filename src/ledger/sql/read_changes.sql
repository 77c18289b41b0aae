-- What count_changes.sql has counted of the table $1 of the run $2.
SELECT coalesce((metadata #>> '{nul_bytes_removed,rows}')::bigint, 0),
       coalesce((metadata #>> '{nul_bytes_removed,values}')::bigint, 0),
       coalesce((metadata #>> '{rounded,rows}')::bigint, 0),
       coalesce((metadata #>> '{rounded,values}')::bigint, 0)
  FROM migration_status.migration_table_status
 WHERE table_id = $1::bigint AND run_id = $2::uuid
