-- What merging into the table with oid $1 needs, by the key $2 and the columns to be written $3 (JSON arrays of names).
WITH wanted AS (
    SELECT k.name, k.place, a.attnum, a.attnotnull
      FROM jsonb_array_elements_text($2::jsonb) WITH ORDINALITY AS k (name, place)
      LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = $1::oid AND a.attname = k.name AND NOT a.attisdropped
-- Unique indexes on exactly those columns, in whatever order.
), candidate AS (
    SELECT i.indexrelid, i.indisvalid, i.indimmediate, i.indpred, i.indclass, i.indkey, i.indcollation,
           coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct -- new in 15
      FROM pg_catalog.pg_index AS i
     WHERE i.indrelid = $1::oid AND i.indisunique AND i.indexprs IS NULL
       AND (SELECT array_agg(n ORDER BY n) FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS n) =
           (SELECT array_agg(attnum ORDER BY attnum) FROM wanted)
), chosen AS (
    SELECT * FROM candidate
     WHERE indisvalid AND indimmediate AND indpred IS NULL
     ORDER BY nulls_not_distinct DESC, indexrelid
     LIMIT 1
)
SELECT (SELECT count(*) > 0 FROM chosen) AS has_index,
       -- The operators by which the index finds two keys equal: citext has its own, in a schema of its own.
       (SELECT jsonb_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY w.place)
          FROM chosen AS c
         CROSS JOIN wanted AS w
          JOIN pg_catalog.pg_opclass AS oc
               ON oc.oid = (c.indclass::oid[])[array_position((c.indkey::int2[])[0:], w.attnum) - 1]
          JOIN pg_catalog.pg_amop AS am ON am.amopfamily = oc.opcfamily AND am.amopstrategy = 3
               AND am.amoplefttype = oc.opcintype AND am.amoprighttype = oc.opcintype
          JOIN pg_catalog.pg_operator AS o ON o.oid = am.amopopr
          JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace) AS operators,
       (SELECT bool_or(NOT attnotnull) FROM wanted) AS nullable,
       coalesce((SELECT nulls_not_distinct FROM chosen), false) AS nulls_not_distinct,
       -- The index's first column, where it is ordered as the type is by itself: text by its bytes.
       (SELECT w.name
          FROM chosen AS c
          JOIN wanted AS w ON w.attnum = (c.indkey::int2[])[0]
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = $1::oid AND a.attnum = w.attnum
          JOIN pg_catalog.pg_opclass AS oc ON oc.oid = (c.indclass::oid[])[0] AND oc.opcdefault
         CROSS JOIN (SELECT datcollate, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') AS provider -- new in 15
                       FROM pg_catalog.pg_database AS d WHERE datname = current_database()) AS d
         WHERE (c.indcollation::oid[])[0] = a.attcollation
           AND (a.attcollation IN (0, 'pg_catalog."C"'::regcollation, 'pg_catalog."POSIX"'::regcollation)
                OR (a.attcollation = 'pg_catalog."default"'::regcollation
                    AND (provider = 'b' OR (provider = 'c' AND datcollate IN ('C', 'POSIX')))))) AS leading,
       (SELECT string_agg(format('%s %s', indexrelid::regclass,
                                 CASE WHEN NOT indisvalid THEN 'is invalid'
                                      WHEN NOT indimmediate THEN 'is deferrable'
                                      ELSE 'has a condition' END), ', ')
          FROM candidate) AS unfit,
       has_database_privilege(current_database(), 'TEMP') AS may_stage,
       (SELECT string_agg(format('%I', name), ', ')
          FROM jsonb_array_elements_text($3::jsonb) AS name
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = $1::oid AND a.attname = name AND a.attidentity <> 'a'
         WHERE NOT has_column_privilege($1::oid, a.attnum, 'UPDATE')) AS not_updatable,
       current_user
