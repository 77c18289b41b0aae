INSERT INTO migration_status.migration_table_status (run_id, source_name, source_database, source_schema, source_table,
                                                     target_database, target_schema, target_table, metadata)
VALUES ($1::uuid, $2, $3, $4, $5, coalesce($6, current_database()), $7, $8, coalesce($9::jsonb, '{}'))
RETURNING table_id
