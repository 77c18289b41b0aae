-- An index of the target $1.$2 that is to be built ($3 false), or whose table is to be told of it ($3 true), and that nobody
-- is at. One that failed is left alone until its error is taken away. $4: only what is unique.
SELECT index_id, name, kind, index_definition, constraint_definition, build_statements, attach_statements
  FROM migration_status.migration_indexes
 WHERE target_schema = $1 AND target_table = $2 AND restored_at IS NULL AND error_message IS NULL
   AND (built_at IS NOT NULL) = $3::boolean
   AND (NOT $4::boolean OR index_definition LIKE 'CREATE UNIQUE %')
 ORDER BY index_id
 LIMIT 1
   FOR UPDATE SKIP LOCKED
