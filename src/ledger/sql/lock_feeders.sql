-- The rows of all tables of run $2 that feed the target of table $1.
SELECT
  FROM migration_status.migration_table_status AS t
 WHERE t.run_id = $2::uuid
   AND (t.target_schema, t.target_table) = (SELECT target_schema, target_table
                                              FROM migration_status.migration_table_status
                                             WHERE table_id = $1::bigint)
 ORDER BY t.table_id
   FOR UPDATE
