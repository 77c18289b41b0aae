-- Foreign keys by which the table with oid $1 references itself and that can be deferred, as SET CONSTRAINTS takes them; NULL: none.
-- It means every constraint of that name in the schema, so all of them must be deferrable.
SELECT string_agg(format('%I.%I', n.nspname, k.conname), ', ' ORDER BY k.conname)
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace
 WHERE k.contype = 'f' AND k.conrelid = $1::oid AND k.confrelid = k.conrelid AND k.condeferrable AND NOT k.condeferred
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS other
                    WHERE other.connamespace = k.connamespace AND other.conname = k.conname AND NOT other.condeferrable)
