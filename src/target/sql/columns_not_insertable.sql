-- Columns of the table with oid $1 that the role may not fill.
SELECT a.attname
  FROM pg_catalog.pg_attribute AS a
 WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
   AND NOT has_column_privilege(a.attrelid, a.attnum, 'INSERT')
 ORDER BY a.attnum
