-- What was dropped and is not there again, of the target $1.$2 or (NULL) of all.
SELECT m.index_id, m.name, m.kind, m.index_definition, m.constraint_definition, m.build_statements, m.attach_statements,
       m.target_schema, m.target_table, m.built_at IS NOT NULL, m.error_code, m.error_message,
       EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = m.target_schema AND c.relname = m.target_table AND c.relkind IN ('r', 'p')),
       (SELECT o.run_id
          FROM migration_status.migration_targets AS t
          JOIN migration_status.v_live_owners AS o USING (run_id)
         WHERE t.target_schema = m.target_schema AND t.target_table = m.target_table
         LIMIT 1),
       m.index_definition LIKE 'CREATE UNIQUE %'
  FROM migration_status.migration_indexes AS m
 WHERE m.restored_at IS NULL AND ($1::text IS NULL OR (m.target_schema, m.target_table) = ($1::text, $2::text))
 ORDER BY m.target_schema, m.target_table, m.index_id
