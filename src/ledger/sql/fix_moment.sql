-- The moment of the run $1: $2, unless another process has fixed it before.
UPDATE migration_status.migration_runs
   SET metadata = CASE WHEN metadata ? 'moment' THEN metadata
                       ELSE metadata || jsonb_build_object('moment', $2::text) END
 WHERE run_id = $1::uuid
RETURNING metadata ->> 'moment'
