-- What slows, changes or refuses rows that go into the table with oid $1. $2: is it to be truncated? $3: a JSON array of
-- columns that are said to be a key, or NULL.
SELECT (SELECT count(*) FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid) AS indexes,
       (SELECT string_agg(format('%I', x.relname), ', ' ORDER BY x.relname)
          FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
         WHERE i.indrelid = c.oid) AS index_names,
       -- tgtype: 4 INSERT, 32 TRUNCATE. Enabled as for any session, or always.
       (SELECT string_agg(format('%I', t.tgname), ', ' ORDER BY t.tgname)
          FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
           AND (t.tgtype & CASE WHEN $2::boolean THEN 36 ELSE 4 END) <> 0) AS triggers,
       (SELECT string_agg(format('%I to %s', k.conname, k.confrelid::regclass), ', ' ORDER BY k.conname)
          FROM pg_catalog.pg_constraint AS k
         WHERE k.contype = 'f' AND k.conrelid = c.oid) AS foreign_keys,
       (SELECT count(*) FROM pg_partition_tree(c.oid) AS tree WHERE tree.isleaf AND c.relkind = 'p') AS partitions,
       $3::jsonb IS NULL OR EXISTS (
           SELECT FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
              AND i.indexprs IS NULL
              AND (SELECT array_agg(a.attname::text COLLATE "C" ORDER BY a.attname::text COLLATE "C")
                     FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) =
                  (SELECT array_agg(wanted COLLATE "C" ORDER BY wanted COLLATE "C")
                     FROM jsonb_array_elements_text($3::jsonb) AS wanted)) AS key_is_unique
  FROM pg_catalog.pg_class AS c
 WHERE c.oid = $1::oid
