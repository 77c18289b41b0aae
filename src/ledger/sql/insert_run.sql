INSERT INTO migration_status.migration_runs (run_id, config_hash, total_sources, total_tables, metadata)
VALUES ($1::uuid, $2, $3::bigint, $4::bigint,
        jsonb_strip_nulls(jsonb_build_object('execution_hash', $5::text, 'source_names', $6::text))
        || CASE WHEN $7::text IS NULL THEN '{}' ELSE jsonb_build_object('settings', $7::jsonb) END)
RETURNING run_number
