-- The fence of the target $1.$2, locked against every load, and whose it is.
SELECT t.run_id, t.generation, t.truncated_generation
  FROM migration_status.migration_targets AS t
 WHERE t.target_schema = $1 AND t.target_table = $2
   FOR UPDATE
