-- Each run as a JSON object, the newest first; $1: only this one, or NULL. The server makes it, since it knows the types.
SELECT row_to_json(run)
  FROM (SELECT m.run_id, m.status, m.state,
               to_char(m.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS started_at,
               to_char(m.last_progress_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS last_progress_at,
               to_char(m.completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS completed_at,
               string_to_array(m.source_names, ',') AS source_names, m.total_sources, m.total_tables, m.completed_tables,
               m.failed_tables, m.total_chunks, m.completed_chunks, m.failed_chunks, m.total_rows_copied, m.expected_rows,
               m.percent, m.owners_alive, m.owners, m.error_message, m.created_by, coalesce(tables.list, '[]') AS tables
          FROM migration_status.v_migrations AS m
         CROSS JOIN LATERAL (
               SELECT json_agg(row_to_json(progress) ORDER BY progress.table_id) AS list
                 FROM (SELECT t.table_id, t.source_name, t.source_database, t.source_schema, t.source_table,
                              t.target_database, t.target_schema, t.target_table, t.status, t.total_chunks,
                              t.completed_chunks, t.failed_chunks, t.in_progress_chunks, t.total_rows_copied,
                              t.expected_rows, t.rejected_rows, t.percent,
                              to_char(t.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS started_at,
                              to_char(t.completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS completed_at,
                              t.error_message, coalesce(t.splits, '[]') AS splits,
                              CASE WHEN t.rows_inserted IS NOT NULL
                                   THEN json_build_object('inserted', t.rows_inserted, 'updated', t.rows_updated,
                                                          'unchanged', t.rows_unchanged, 'older', t.rows_older,
                                                          'duplicate', t.rows_duplicate) END AS merged
                         FROM migration_status.v_table_progress AS t
                        WHERE t.run_id = m.run_id) AS progress) AS tables
         WHERE $1::uuid IS NULL OR m.run_id = $1::uuid
         ORDER BY m.started_at DESC
         LIMIT 20) AS run
