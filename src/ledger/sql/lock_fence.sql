-- The fence of the target of the planned table $1: is it still the run's, $2, at the table's generation? Held against
-- whoever would take the target over until the transaction ends.
SELECT f.run_id = $2::uuid AND f.generation = t.target_generation, f.run_id
  FROM migration_status.migration_table_status AS t
  JOIN migration_status.migration_targets AS f USING (target_schema, target_table)
 WHERE t.table_id = $1::bigint AND t.run_id = $2::uuid AND t.planned_at IS NOT NULL
   FOR KEY SHARE OF f
