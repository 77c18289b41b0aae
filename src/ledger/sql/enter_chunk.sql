-- The chunk's row, locked while it is still held by the claim $3, and a sign in pg_locks that its owner has a load open.
SELECT pg_advisory_xact_lock_shared(1952997637, locked.owner_id)
  FROM (SELECT owner_id
          FROM migration_status.migration_chunk_status
         WHERE table_id = $1::bigint AND chunk_id = $2::bigint AND claim_token = $3::uuid AND status = 'in_progress'
           FOR UPDATE) AS locked
