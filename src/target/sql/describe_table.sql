-- One line about the relation $1.$2, whether it exists or not. As text, so that a name of more than 63 bytes doesn't
-- find the table whose name begins like it.
SELECT n.oid IS NOT NULL AS schema_exists,
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS may_use_schema,
       c.oid,
       c.relkind,
       c.relpersistence,
       coalesce(row_security_active(c.oid), false) AS row_security,
       coalesce(has_table_privilege(c.oid, 'INSERT') OR has_any_column_privilege(c.oid, 'INSERT'), false) AS may_insert,
       coalesce(has_table_privilege(c.oid, 'SELECT'), false) AS may_select,
       coalesce(has_table_privilege(c.oid, 'TRUNCATE'), false) AS may_truncate,
       current_user,
       (SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY pn.nspname, p.relname)
          FROM pg_partition_tree(c.oid) AS tree
          JOIN pg_class AS p ON p.oid = tree.relid
          JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
         WHERE c.relkind = 'p' AND tree.isleaf AND (p.relpersistence <> 'p' OR p.relkind = 'f')) AS unsafe_partitions,
       CASE WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(n.oid, 'CREATE') END AS may_create
  FROM (VALUES ($1::text, $2::text)) AS wanted (schema_name, table_name)
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema_name
  LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
