-- Rows of table $1 of run $2 that were set aside go with its chunks; where $3, those of all tables of the run that feed its target.
DELETE FROM migration_status.rejected_rows AS c
 USING migration_status.migration_table_status AS t, migration_status.migration_table_status AS lost
 WHERE lost.table_id = $1::bigint AND lost.run_id = $2::uuid AND t.run_id = lost.run_id AND c.table_id = t.table_id
   AND (t.table_id = lost.table_id
        OR ($3::boolean AND (t.target_schema, t.target_table) = (lost.target_schema, lost.target_table)))
