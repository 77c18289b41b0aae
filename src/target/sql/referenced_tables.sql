-- The tables that foreign keys of the table $1.$2 reference, with the keys' names.
SELECT fn.nspname, f.relname, string_agg(format('%I', k.conname), ', ' ORDER BY k.conname), f.oid = c.oid
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS f ON f.oid = k.confrelid
  JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
 WHERE k.contype = 'f' AND n.nspname = $1::text AND c.relname = $2::text
   -- The partitions of a referenced table have constraints of their own.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS whole
                    WHERE whole.oid = k.conparentid AND whole.conrelid = k.conrelid)
 GROUP BY fn.nspname, f.relname, f.oid, c.oid
 ORDER BY fn.nspname, f.relname
