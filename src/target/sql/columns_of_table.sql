-- The columns of the table with oid $1, in its order. A domain is followed to the type that it is made of, whose receive
-- function reads the value: it passes the domain's own modifier on, and checks the domain's constraints.
WITH RECURSIVE chain AS (
    SELECT a.attnum, 0 AS depth, a.atttypid AS type_oid, a.atttypmod AS modifier, false AS not_null, false AS has_default
      FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT chain.attnum, chain.depth + 1, t.typbasetype,
           CASE WHEN chain.modifier = -1 THEN t.typtypmod ELSE chain.modifier END,
           chain.not_null OR t.typnotnull,
           chain.has_default OR t.typdefault IS NOT NULL
      FROM chain
      JOIN pg_catalog.pg_type AS t ON t.oid = chain.type_oid AND t.typtype = 'd'
), base AS (
    SELECT DISTINCT ON (attnum) * FROM chain ORDER BY attnum, depth DESC
)
SELECT a.attname,
       base.type_oid,
       base.modifier,
       format_type(a.atttypid, a.atttypmod) AS type_name,
       a.attnotnull OR base.not_null AS not_null,
       a.atthasdef OR a.attidentity <> '' OR base.has_default AS has_default,
       a.attgenerated <> '' AS generated,
       a.attidentity = 'a' AS identity_always
  FROM pg_catalog.pg_attribute AS a
  JOIN base USING (attnum)
 WHERE a.attrelid = $1::oid
 ORDER BY a.attnum
