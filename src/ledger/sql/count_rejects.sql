-- Add $3 to the rows that the chunk $2 of the table $1 has set aside; how many the table has set aside in all, as far as this
-- transaction sees.
WITH chunk AS (
    UPDATE migration_status.migration_chunk_status SET rows_rejected = rows_rejected + $3::bigint
     WHERE table_id = $1::bigint AND chunk_id = $2::bigint
)
SELECT count(*) FROM migration_status.rejected_rows WHERE table_id = $1::bigint
