-- What became of the rows of the chunk $2 of table $1, held by the claim $3.
UPDATE migration_status.migration_chunk_status
   SET rows_inserted = $4::bigint, rows_updated = $5::bigint, rows_unchanged = $6::bigint, rows_older = $7::bigint,
       rows_duplicate = $8::bigint
 WHERE table_id = $1::bigint AND chunk_id = $2::bigint AND claim_token = $3::uuid AND status = 'in_progress'
