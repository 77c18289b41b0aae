-- Take over for owner $3 a chunk of the tables $2 of run $1 whose owner is gone; where $4, only one that its owner had no time for,
-- which is one break more. The load that it may still have open holds the chunk's row, which is passed over until that transaction
-- has ended.
WITH candidate AS MATERIALIZED (
    SELECT c.table_id, c.chunk_id, migration_status.owner_ran_out(c.owner_id, c.started_at) AS ran_out
      FROM migration_status.migration_chunk_status AS c
      JOIN migration_status.migration_table_status AS t USING (table_id)
     WHERE c.table_id = ANY ($2::bigint[]) AND c.status = 'in_progress'
       AND t.run_id = $1::uuid AND t.status = 'in_progress'
       AND NOT migration_status.owner_is_alive(c.owner_id)
       AND (NOT $4::boolean OR migration_status.owner_ran_out(c.owner_id, c.started_at))
     ORDER BY array_position($2::bigint[], c.table_id), c.chunk_id
     LIMIT 1
       FOR UPDATE OF c SKIP LOCKED
)
UPDATE migration_status.migration_chunk_status AS c
   SET owner_id = $3::integer, claim_token = gen_random_uuid(), started_at = clock_timestamp(),
       deadline_breaks = c.deadline_breaks + candidate.ran_out::integer
  FROM candidate
 WHERE c.table_id = candidate.table_id AND c.chunk_id = candidate.chunk_id
RETURNING c.table_id, c.chunk_id, c.claim_token, c.chunk_range, coalesce(c.expected_rows, -1), c.retry_count,
          c.deadline_breaks, candidate.ran_out
