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
), typed AS (
    SELECT base.*, t.typname, t.typinput = 'pg_catalog.array_in'::regproc AS is_array,
           CASE WHEN t.typinput = 'pg_catalog.array_in'::regproc THEN t.typelem ELSE coalesce(r.rngsubtype, 0) END AS element_oid
      FROM base
      JOIN pg_catalog.pg_type AS t ON t.oid = base.type_oid
      LEFT JOIN pg_catalog.pg_range AS r ON t.oid IN (r.rngtypid, r.rngmultitypid)
-- What an array's elements, or a range's bounds, are made of.
), element_chain AS (
    SELECT attnum, 0 AS depth, element_oid AS type_oid, CASE WHEN is_array THEN modifier ELSE -1 END AS modifier
      FROM typed
     WHERE element_oid <> 0
    UNION ALL
    SELECT c.attnum, c.depth + 1, t.typbasetype, CASE WHEN c.modifier = -1 THEN t.typtypmod ELSE c.modifier END
      FROM element_chain AS c
      JOIN pg_catalog.pg_type AS t ON t.oid = c.type_oid AND t.typtype = 'd'
), element AS (
    SELECT DISTINCT ON (attnum) * FROM element_chain ORDER BY attnum, depth DESC
-- Everything that a composite type is made of, at any depth.
), part AS (
    SELECT attnum, type_oid, modifier, false AS inside FROM base
    UNION
    SELECT part.attnum, next.type_oid, next.modifier, part.inside OR t.typtype = 'c'
      FROM part
      JOIN pg_catalog.pg_type AS t ON t.oid = part.type_oid
     CROSS JOIN LATERAL (
           SELECT f.atttypid, f.atttypmod
             FROM pg_catalog.pg_attribute AS f
            WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
           UNION ALL
           SELECT t.typbasetype, CASE WHEN part.modifier = -1 THEN t.typtypmod ELSE part.modifier END WHERE t.typtype = 'd'
           UNION ALL
           SELECT t.typelem, part.modifier WHERE t.typinput = 'pg_catalog.array_in'::regproc
           UNION ALL
           SELECT r.rngsubtype, -1 FROM pg_catalog.pg_range AS r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
           ) AS next (type_oid, modifier)
-- Fields whose input functions round a value or cut it without a word.
), cut AS (
    SELECT DISTINCT attnum
      FROM part
     WHERE inside
       AND (type_oid IN ('real'::regtype, 'double precision'::regtype, 'date'::regtype, 'time'::regtype, 'timetz'::regtype,
                         'timestamp'::regtype, 'timestamptz'::regtype, 'interval'::regtype, 'name'::regtype,
                         '"char"'::regtype, 'money'::regtype)
            OR (modifier <> -1 AND type_oid IN ('numeric'::regtype, 'varchar'::regtype, 'bpchar'::regtype)))
)
SELECT a.attname,
       typed.type_oid,
       typed.modifier,
       format_type(a.atttypid, a.atttypmod) AS type_name,
       a.attnotnull OR typed.not_null AS not_null,
       a.atthasdef OR a.attidentity <> '' OR typed.has_default AS has_default,
       a.attgenerated <> '' AS generated,
       a.attidentity = 'a' AS identity_always,
       typed.is_array,
       typed.typname AS base_name,
       typed.element_oid,
       coalesce(element.type_oid, 0) AS element_type_oid,
       coalesce(element.modifier, -1) AS element_modifier,
       cut.attnum IS NOT NULL AS cuts_in_silence
  FROM pg_catalog.pg_attribute AS a
  JOIN typed USING (attnum)
  LEFT JOIN element USING (attnum)
  LEFT JOIN cut USING (attnum)
 WHERE a.attrelid = $1::oid
 ORDER BY a.attnum
