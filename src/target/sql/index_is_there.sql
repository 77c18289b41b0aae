-- Is the index $3 of the table $1.$2 there, valid and as the definition $4 says? Is the constraint of its name, as $5 says?
SELECT coalesce(i.indisvalid AND pg_get_indexdef(i.indexrelid) = $4::text, false),
       coalesce(pg_get_constraintdef(k.oid) = $5::text, false)
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN (pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid AND x.relname = $3::text) ON i.indrelid = c.oid
  LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.conindid = i.indexrelid AND k.conname = $3::text
                              AND k.contype IN ('p', 'u')
 WHERE n.nspname = $1::text AND c.relname = $2::text
