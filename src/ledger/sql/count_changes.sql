-- Values that the settings let change: removed NUL bytes ($3 rows, $4 values) and rounding ($5, $6), added to what other chunks
-- of the table $1 of the run $2 have counted. What isn't counted yet has no key.
UPDATE migration_status.migration_table_status
   SET metadata = metadata || jsonb_strip_nulls(jsonb_build_object(
           'nul_bytes_removed',
           CASE WHEN $4::bigint > 0 THEN jsonb_build_object(
               'rows', coalesce((metadata #>> '{nul_bytes_removed,rows}')::bigint, 0) + $3::bigint,
               'values', coalesce((metadata #>> '{nul_bytes_removed,values}')::bigint, 0) + $4::bigint) END,
           'rounded',
           CASE WHEN $6::bigint > 0 THEN jsonb_build_object(
               'rows', coalesce((metadata #>> '{rounded,rows}')::bigint, 0) + $5::bigint,
               'values', coalesce((metadata #>> '{rounded,values}')::bigint, 0) + $6::bigint) END))
 WHERE table_id = $1::bigint AND run_id = $2::uuid
