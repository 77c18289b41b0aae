-- What earlier runs of the source table $1, $2.$3.$4 into the target $5.$6 say of its watermark. The last one counts that
-- completed the table with no row set aside: what it read up to, whether it and all that were completed since had the settings $7
-- and a watermark of the kind $8, and whether its rows are still there: loaded under a generation that is not older than the
-- target's last truncation. No line: there is none.
WITH completed AS MATERIALIZED (
    SELECT t.table_id, t.run_id, t.completed_at, t.metadata #>> '{window,ceiling}' AS ceiling,
           (t.metadata #>> '{window,settings}') IS NOT DISTINCT FROM $7::text
           AND (t.metadata #>> '{window,kind}') IS NOT DISTINCT FROM $8::text AS is_same,
           t.target_generation >= coalesce(f.truncated_generation, 0) AS is_there,
           EXISTS (SELECT FROM migration_status.rejected_rows AS r WHERE r.table_id = t.table_id) AS has_rejects
      FROM migration_status.migration_table_status AS t
      LEFT JOIN migration_status.migration_targets AS f USING (target_schema, target_table)
     WHERE (t.source_name, t.source_database, t.source_schema, t.source_table) = ($1, $2, $3, $4)
       AND (t.target_schema, t.target_table) = ($5, $6) AND t.status = 'completed'
), last AS (
    SELECT * FROM completed WHERE NOT has_rejects ORDER BY completed_at DESC, table_id DESC LIMIT 1
)
SELECT last.table_id, last.run_id, last.ceiling, last.is_there,
       (SELECT bool_and(c.is_same) FROM completed AS c
         WHERE (c.completed_at, c.table_id) >= (last.completed_at, last.table_id))
  FROM last
