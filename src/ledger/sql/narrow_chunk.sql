-- The chunk $2 of the table $1, which the claim $3 still holds, becomes the first of its parts, with the range $4 and $5 rows, for the
-- reason $6. What chunk of the plan it comes from is what its parts say, too.
UPDATE migration_status.migration_chunk_status
   SET chunk_range = $4::jsonb, expected_rows = $5::bigint, status = 'pending', deadline_breaks = 0, split_reason = $6,
       split_from = coalesce(split_from, chunk_id), owner_id = NULL, claim_token = NULL, started_at = NULL
 WHERE table_id = $1::bigint AND chunk_id = $2::bigint AND claim_token = $3::uuid AND status = 'in_progress'
RETURNING split_from
