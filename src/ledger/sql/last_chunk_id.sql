-- The highest chunk_id that the run of table $1 has for the same source table, whatever its target.
SELECT coalesce(max(c.chunk_id), 0)
  FROM migration_status.migration_chunk_status AS c
  JOIN migration_status.migration_table_status AS t
       ON (c.run_id, c.source_database, c.source_schema, c.source_table) =
          (t.run_id, t.source_database, t.source_schema, t.source_table)
 WHERE t.table_id = $1::bigint
