-- Chunks of table $1 from $2, a JSON array of {"range": ..., "rows": ...}; chunk_id goes on from $3. Where they are parts, $4 is the
-- chunk of the plan that was cut.
INSERT INTO migration_status.migration_chunk_status (run_id, source_database, source_schema, source_table, table_id,
                                                     chunk_id, chunk_range, expected_rows, split_from)
SELECT t.run_id, t.source_database, t.source_schema, t.source_table, t.table_id, $3::bigint + chunk.place,
       chunk.value -> 'range', (chunk.value ->> 'rows')::bigint, $4::bigint
  FROM migration_status.migration_table_status AS t
 CROSS JOIN jsonb_array_elements($2::jsonb) WITH ORDINALITY AS chunk (value, place)
 WHERE t.table_id = $1::bigint
