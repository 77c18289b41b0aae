-- One line about the server, the database and the role, for those who look before a load. Settings are those that a new
-- session of the role gets (reset_val), whatever ours has set for itself, except where it says so.
WITH setting AS (
    SELECT name, setting, reset_val FROM pg_catalog.pg_settings
), database AS (
    SELECT oid, encoding, datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database()
)
SELECT current_setting('server_version') AS version,
       current_user AS role,
       pg_encoding_to_char((SELECT encoding FROM database)) AS encoding,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser,
       pg_is_in_recovery() AS standby,
       (SELECT reset_val = 'on' FROM setting WHERE name = 'default_transaction_read_only') AS read_only,
       inet_client_addr() IS NULL AS local_socket,
       (SELECT reset_val FROM setting WHERE name = 'max_connections') AS max_connections,
       (SELECT sum(reset_val::bigint) FROM setting
         WHERE name IN ('superuser_reserved_connections', 'reserved_connections')) AS reserved_connections,
       (SELECT sum(numbackends) - 1 FROM pg_catalog.pg_stat_database) AS used_connections,
       (SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = current_user) AS role_limit,
       (SELECT datconnlimit FROM database) AS database_limit,
       (SELECT reset_val::bigint * 1024 * 1024 FROM setting WHERE name = 'max_wal_size') AS max_wal_size,
       (SELECT reset_val FROM setting WHERE name = 'wal_level') AS wal_level,
       (SELECT reset_val FROM setting WHERE name = 'synchronous_commit') AS synchronous_commit,
       (SELECT reset_val FROM setting WHERE name = 'synchronous_standby_names') AS synchronous_standby_names,
       (SELECT reset_val = 'on' FROM setting WHERE name = 'fsync') AS fsync,
       (SELECT setting FROM setting WHERE name = 'tcp_keepalives_idle') AS keepalive_seconds,
       (SELECT reset_val FROM setting WHERE name = 'statement_timeout') AS statement_timeout,
       (SELECT reset_val FROM setting WHERE name = 'idle_in_transaction_session_timeout') AS idle_in_transaction_timeout,
       (SELECT string_agg(slot_name, ', ' ORDER BY slot_name) FROM pg_catalog.pg_replication_slots
         WHERE NOT active) AS idle_slots
