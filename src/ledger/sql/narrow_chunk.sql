-- The chunk $2 of the table $1, which the claim $3 still holds, becomes the first of its parts, with the range $4 and $5 rows.
UPDATE migration_status.migration_chunk_status
   SET chunk_range = $4::jsonb, expected_rows = $5::bigint, status = 'pending', deadline_breaks = 0, owner_id = NULL,
       claim_token = NULL, started_at = NULL
 WHERE table_id = $1::bigint AND chunk_id = $2::bigint AND claim_token = $3::uuid AND status = 'in_progress'
