-- The kind of the relation $1.$2, and the other tables whose foreign keys reference it, with the keys' names.
SELECT c.relkind,
       (SELECT string_agg(format('%I.%I (%I)', fn.nspname, f.relname, k.conname), ', '
                          ORDER BY fn.nspname, f.relname, k.conname)
          FROM pg_catalog.pg_constraint AS k
          JOIN pg_catalog.pg_class AS f ON f.oid = k.conrelid
          JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
         WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid AND k.conparentid = 0) AS referencing
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = $1::text AND c.relname = $2::text
