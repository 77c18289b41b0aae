-- Of the chunk $2 of the table $1: the number of the row that is the $3-th of those that aren't set aside, both from 1.
SELECT $3::bigint + count(*)
  FROM (SELECT chunk_row - row_number() OVER (ORDER BY chunk_row) AS others_before
          FROM migration_status.rejected_rows
         WHERE table_id = $1::bigint AND chunk_id = $2::bigint) AS aside
 WHERE others_before < $3::bigint
