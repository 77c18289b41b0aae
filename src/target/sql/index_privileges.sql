-- What the current role lacks for making indexes of the table $1.$2 again, in words, and the statement that grants it; NULL
-- where nothing is missing. Dropping asks for the table's owner only, making also for CREATE where the index goes.
SELECT CASE WHEN NOT pg_has_role(c.relowner, 'USAGE')
                 THEN format('the role %I doesn''t own the table: %I does', current_user, pg_get_userbyid(c.relowner))
            WHEN NOT has_schema_privilege(n.oid, 'CREATE')
                 THEN format('the role %I lacks CREATE on schema %I, which making an index asks for', current_user, n.nspname)
            WHEN barred.spcname IS NOT NULL
                 THEN format('the role %I lacks CREATE on tablespace %I, where an index is', current_user, barred.spcname)
       END,
       CASE WHEN NOT pg_has_role(c.relowner, 'USAGE')
                 THEN format('GRANT %I TO %I', pg_get_userbyid(c.relowner), current_user)
            WHEN NOT has_schema_privilege(n.oid, 'CREATE') THEN format('GRANT CREATE ON SCHEMA %I TO %I', n.nspname, current_user)
            WHEN barred.spcname IS NOT NULL THEN format('GRANT CREATE ON TABLESPACE %I TO %I', barred.spcname, current_user)
       END
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT min(s.spcname) AS spcname
         FROM pg_index AS i
         JOIN pg_class AS x ON x.oid = i.indexrelid
         JOIN pg_tablespace AS s ON s.oid = x.reltablespace
        WHERE i.indrelid = c.oid AND NOT has_tablespace_privilege(s.oid, 'CREATE')) AS barred
 WHERE n.nspname = $1::text AND c.relname = $2::text
