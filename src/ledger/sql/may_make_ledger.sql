-- May the current role make the ledger, or bring an older one up to date? And who is it?
SELECT CASE WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(n.oid, 'CREATE') AND
                 NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c
                              WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'v') AND
                                    NOT pg_has_role(c.relowner, 'USAGE'))
       END,
       current_user
  FROM (VALUES (true)) AS always (is_so)
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'migration_status'
