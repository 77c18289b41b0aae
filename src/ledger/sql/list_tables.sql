SELECT table_id, source_name, source_database, source_schema, source_table, target_database, target_schema, target_table,
       status, planned_at IS NOT NULL, total_chunks, completed_chunks, failed_chunks, total_rows_copied,
       coalesce(expected_rows, -1), target_generation, metadata, error_message,
       indexes_disabled AND NOT indexes_restored, deadline_breaks
  FROM migration_status.migration_table_status
 WHERE run_id = $1::uuid
 ORDER BY table_id
