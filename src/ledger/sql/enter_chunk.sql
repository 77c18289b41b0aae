-- The chunk's row, locked while it is still held by the claim $3.
SELECT
  FROM migration_status.migration_chunk_status
 WHERE table_id = $1::bigint AND chunk_id = $2::bigint AND claim_token = $3::uuid AND status = 'in_progress'
   FOR UPDATE
