-- May the current role use the whole ledger? Who is it, and whose is the ledger?
SELECT has_schema_privilege(n.oid, 'USAGE')
       AND (SELECT bool_and(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND
                            has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
              FROM pg_catalog.pg_class AS c
             WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND c.relname LIKE 'migration%')
       AND (SELECT bool_and(has_sequence_privilege(s.oid, 'USAGE'))
              FROM pg_catalog.pg_class AS s
             WHERE s.relnamespace = n.oid AND s.relkind = 'S' AND s.relname LIKE 'migration%'),
       current_user,
       pg_get_userbyid(n.nspowner)
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname = 'migration_status'
