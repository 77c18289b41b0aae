-- Set a row of the chunk $2 of the table $1 aside: its number in the chunk $3, key $4, values $5, column $6, reason $7 and
-- SQLSTATE $8.
INSERT INTO migration_status.rejected_rows (run_id, table_id, source_database, source_schema, source_table, target_database,
                                            target_schema, target_table, chunk_id, chunk_row, key, row, column_name,
                                            reason, sqlstate)
SELECT t.run_id, t.table_id, t.source_database, t.source_schema, t.source_table, t.target_database, t.target_schema,
       t.target_table, $2::bigint, $3::bigint, $4::jsonb, $5::jsonb, $6, $7, nullif($8, '')
  FROM migration_status.migration_table_status AS t
 WHERE t.table_id = $1::bigint
