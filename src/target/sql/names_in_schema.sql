-- Names to choose the nearest from: the tables of schema $1 or, where $1 is NULL, the schemas.
SELECT c.relname AS name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p')
UNION ALL
SELECT nspname FROM pg_catalog.pg_namespace
 WHERE $1::text IS NULL AND nspname !~ '^pg_' AND nspname <> 'information_schema'
 ORDER BY name
