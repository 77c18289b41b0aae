-- Run $1 is at work again.
UPDATE migration_status.migration_runs
   SET status = 'running', completed_at = NULL, error_message = NULL, failed_tables = 0
 WHERE run_id = $1::uuid
RETURNING run_number
