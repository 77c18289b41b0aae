-- Failed tables of run $1 go on where they were; none has a failed chunk any more.
UPDATE migration_status.migration_table_status
   SET status = CASE WHEN status <> 'failed' THEN status WHEN planned_at IS NULL THEN 'pending' ELSE 'in_progress' END,
       failed_chunks = 0, deadline_breaks = 0, error_message = NULL, completed_at = NULL
 WHERE run_id = $1::uuid AND (status = 'failed' OR (status <> 'completed' AND failed_chunks > 0))
