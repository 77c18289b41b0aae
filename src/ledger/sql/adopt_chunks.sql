-- Failed chunks of run $1 get a new chance.
UPDATE migration_status.migration_chunk_status
   SET status = 'pending', retry_count = 0, deadline_breaks = 0, error_message = NULL, owner_id = NULL,
       claim_token = NULL, started_at = NULL, completed_at = NULL
 WHERE run_id = $1::uuid AND status = 'failed'
