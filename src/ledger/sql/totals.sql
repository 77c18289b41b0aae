-- What the table $1 of run $2 and the others that feed its target add up to.
SELECT t.total_chunks, chunks.completed, chunks.failed, chunks.rows_copied, t.total_rows_copied, chunks.expected_rows,
       feeders.rows_added, feeders.unfinished, t.status, feeders.rows_before, chunks.open,
       chunks.rows_rejected, chunks.inserted, chunks.updated, chunks.unchanged, chunks.older, chunks.duplicate,
       chunks.split, chunks.parts
  FROM migration_status.migration_table_status AS t
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE c.status = 'completed') AS completed,
              count(*) FILTER (WHERE c.status = 'failed') AS failed,
              count(*) FILTER (WHERE c.status IN ('pending', 'in_progress')) AS open,
              coalesce(sum(c.rows_copied), 0)::bigint AS rows_copied,
              coalesce(sum(c.rows_rejected), 0)::bigint AS rows_rejected,
              coalesce(sum(c.expected_rows), 0)::bigint AS expected_rows,
              coalesce(sum(c.rows_inserted), 0)::bigint AS inserted,
              coalesce(sum(c.rows_updated), 0)::bigint AS updated,
              coalesce(sum(c.rows_unchanged), 0)::bigint AS unchanged,
              coalesce(sum(c.rows_older), 0)::bigint AS older,
              coalesce(sum(c.rows_duplicate), 0)::bigint AS duplicate,
              count(DISTINCT c.split_from) AS split,
              count(c.split_from) AS parts
         FROM migration_status.migration_chunk_status AS c
        WHERE c.table_id = t.table_id) AS chunks
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(f.total_rows_copied - merged.without_new_row), 0)::bigint AS rows_added,
              coalesce(max((f.metadata ->> 'target_rows_before')::bigint), -1) AS rows_before,
              count(*) FILTER (WHERE f.table_id <> t.table_id AND f.status NOT IN ('completed', 'skipped')) AS unfinished
         FROM migration_status.migration_table_status AS f
        CROSS JOIN LATERAL (
              SELECT coalesce(sum(c.rows_copied - c.rows_inserted) FILTER (WHERE c.status = 'completed'), 0) AS without_new_row
                FROM migration_status.migration_chunk_status AS c
               WHERE c.table_id = f.table_id) AS merged
        WHERE f.run_id = t.run_id AND f.target_schema = t.target_schema AND f.target_table = t.target_table) AS feeders
 WHERE t.table_id = $1::bigint AND t.run_id = $2::uuid
