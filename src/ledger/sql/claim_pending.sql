-- Claim for owner $3 the first pending chunk of the first table of $2 that has one, of run $1. Rows that others are
-- claiming are passed over. The order of the tables is a preference, for which the array's order is enough.
WITH candidate AS MATERIALIZED (
    SELECT chunk.table_id, chunk.chunk_id
      FROM unnest($2::bigint[]) AS wanted (table_id)
     CROSS JOIN LATERAL (
           SELECT c.table_id, c.chunk_id
             FROM migration_status.migration_chunk_status AS c
            WHERE c.table_id = wanted.table_id AND c.status = 'pending'
              AND EXISTS (SELECT FROM migration_status.migration_table_status AS t
                           WHERE t.table_id = wanted.table_id AND t.run_id = $1::uuid AND t.status = 'in_progress')
            ORDER BY c.chunk_id
            LIMIT 1
              FOR UPDATE OF c SKIP LOCKED) AS chunk
     LIMIT 1
)
UPDATE migration_status.migration_chunk_status AS c
   SET status = 'in_progress', owner_id = $3::integer, claim_token = gen_random_uuid(), started_at = clock_timestamp(),
       completed_at = NULL
  FROM candidate
 WHERE c.table_id = candidate.table_id AND c.chunk_id = candidate.chunk_id
RETURNING c.table_id, c.chunk_id, c.claim_token, c.chunk_range, coalesce(c.expected_rows, -1), c.retry_count,
          c.deadline_breaks, false
