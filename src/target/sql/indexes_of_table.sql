-- The indexes of the table $1.$2, and the constraints that stand on them: how each is dropped and made again to the last
-- byte, or why it stays. $3: each row is merged, or
-- set aside where it doesn't fit, so what is unique has to stay.
-- In the order in which they were made. search_path has to be pg_catalog, so that definitions name everything in full.
SELECT x.relname,
       CASE WHEN k.oid IS NULL THEN 'index' ELSE 'constraint' END,
       CASE WHEN c.relkind = 'p' THEN 'PostgreSQL would make those of the partitions anew under other names'
            WHEN NOT (i.indisvalid AND i.indisready) THEN 'it is not valid'
            WHEN parent.inhparent IS NOT NULL THEN format('it is a part of the index %s', parent.inhparent::regclass)
            WHEN k.contype NOT IN ('p', 'u') THEN 'exclusion constraints stay'
            WHEN k.oid IS NOT NULL AND m.amname <> 'btree' THEN 'PostgreSQL can''t add such a constraint to an index'
            WHEN $3::boolean AND i.indisunique THEN 'every row is held against it'
            WHEN i.indisreplident THEN 'it is the table''s replica identity'
            WHEN i.indisprimary AND c.relreplident = 'd'
                 AND EXISTS (SELECT FROM pg_publication_tables AS p WHERE p.schemaname = $1 AND p.tablename = $2)
                 THEN 'the table is published with it as its replica identity'
            WHEN dependent.description IS NOT NULL THEN format('%s depends on it', dependent.description)
            WHEN EXISTS (SELECT FROM pg_depend AS d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid AND d.deptype = 'x')
                 THEN 'it depends on an extension'
       END,
       CASE WHEN k.oid IS NULL THEN format('DROP INDEX %I.%I RESTRICT', n.nspname, x.relname)
            ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I RESTRICT', n.nspname, c.relname, k.conname)
       END,
       pg_get_indexdef(x.oid),
       pg_get_constraintdef(k.oid),
       concat_ws(E'\n',
                 -- An empty name means the database's own tablespace, whatever the role or the session prefers.
                 format('SET LOCAL default_tablespace = %L;', coalesce(s.spcname, '')),
                 pg_get_indexdef(x.oid) || ';',
                 (SELECT string_agg(format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s;', n.nspname, x.relname, a.attnum,
                                           a.attstattarget), E'\n' ORDER BY a.attnum)
                    FROM pg_attribute AS a
                   WHERE a.attrelid = x.oid AND a.attstattarget >= 0),
                 CASE WHEN said.of_index IS NOT NULL
                      THEN format('COMMENT ON INDEX %I.%I IS %L;', n.nspname, x.relname, said.of_index) END),
       concat_ws(E'\n',
                 CASE WHEN k.oid IS NOT NULL
                      THEN format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s USING INDEX %I%s%s;', n.nspname, c.relname, k.conname,
                                  CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, x.relname,
                                  CASE WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END,
                                  CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END) END,
                 CASE WHEN said.of_constraint IS NOT NULL
                      THEN format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L;', k.conname, n.nspname, c.relname,
                                  said.of_constraint) END,
                 CASE WHEN i.indisclustered
                      THEN format('ALTER TABLE %I.%I CLUSTER ON %I;', n.nspname, c.relname, x.relname) END),
       jsonb_build_object('owner', pg_get_userbyid(x.relowner), 'method', m.amname, 'tablespace', s.spcname,
                          'storage_parameters', to_jsonb(x.reloptions), 'clustered', i.indisclustered,
                          'comment', said.of_index, 'constraint_comment', said.of_constraint)
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_index AS i ON i.indrelid = c.oid
  JOIN pg_class AS x ON x.oid = i.indexrelid
  JOIN pg_am AS m ON m.oid = x.relam
  LEFT JOIN pg_constraint AS k ON k.conindid = x.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_tablespace AS s ON s.oid = x.reltablespace
  LEFT JOIN pg_inherits AS parent ON parent.inhrelid = x.oid
 CROSS JOIN LATERAL (
       SELECT obj_description(x.oid, 'pg_class') AS of_index, obj_description(k.oid, 'pg_constraint') AS of_constraint) AS said
 CROSS JOIN LATERAL (
       -- Foreign keys, this table's own included, and views that group by a key.
       SELECT min(pg_describe_object(d.classid, d.objid, d.objsubid)) AS description
         FROM pg_depend AS d
        WHERE d.deptype = 'n'
          AND ((d.refclassid = 'pg_class'::regclass AND d.refobjid = x.oid) OR
               (d.refclassid = 'pg_constraint'::regclass AND d.refobjid = k.oid))) AS dependent
 WHERE n.nspname = $1::text AND c.relname = $2::text
 ORDER BY x.oid
