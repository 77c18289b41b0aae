/* The ledger's schema comes about, once, whoever asks, and takes over what an older program left. */
#include "server.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int without_ledger(void **state) {
    (void)state;
    server_execute(&server_admin, "DROP SCHEMA IF EXISTS migration_status CASCADE");
    return 0;
}

static void it_is_made_once(void **state) {
    (void)state;
    bool exists = true;
    must(ledger_exists(&server_admin, &exists, &error));
    assert_false(exists);
    must(ledger_prepare(&server_admin, &error));
    must(ledger_exists(&server_admin, &exists, &error));
    assert_true(exists);
    char made[256];
    snprintf(made, sizeof made, "%s",
             server_value(&server_admin, "SELECT string_agg(version || ' ' || applied_at, ',') FROM"
                                         " migration_status.schema_version"));
    must(ledger_prepare(&server_admin, &error));
    assert_string_equal(server_value(&server_admin, "SELECT string_agg(version || ' ' || applied_at, ',') FROM"
                                                    " migration_status.schema_version"),
                        made);
    assert_string_equal(server_value(&server_admin, "SELECT count(*) FROM migration_status.v_active_migrations"), "0");
    assert_string_equal(server_value(&server_admin, "SELECT count(*) FROM migration_status.v_table_progress"), "0");
}

static void *prepare(void *outcome) {
    struct target_connection connection;
    server_connect(&connection, "starter", NULL);
    *(bool *)outcome = ledger_prepare(&connection, &error);
    if (!*(bool *)outcome)
        print_error("%s\n", error.message);
    target_disconnect(&connection);
    return NULL;
}

static void many_may_start_at_once(void **state) {
    (void)state;
    enum { STARTERS = 24 };
    for (int round = 0; round < 3; round++) {
        pthread_t threads[STARTERS];
        bool outcomes[STARTERS] = {false};
        without_ledger(NULL);
        for (int i = 0; i < STARTERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, prepare, &outcomes[i]), 0);
        for (int i = 0; i < STARTERS; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < STARTERS; i++)
            assert_true(outcomes[i]);
        assert_string_equal(server_value(&server_admin, "SELECT count(*) > 1 AND count(*) = max(version)"
                                                        " FROM migration_status.schema_version"),
                            "t");
    }
}

static void a_newer_ledger_is_refused(void **state) {
    (void)state;
    bool exists = false;
    must(ledger_prepare(&server_admin, &error));
    server_execute(&server_admin, "INSERT INTO migration_status.schema_version (version) VALUES (99)");
    must_fail(ledger_prepare(&server_admin, &error), ERROR_CONFIG);
    assert_contains(error.message, "version 99");
    must_fail(ledger_exists(&server_admin, &exists, &error), ERROR_CONFIG);
}

static void a_role_without_rights_is_told_which(void **state) {
    (void)state;
    struct config_target target = server_target();
    struct target_connection limited;
    server_execute(&server_admin, "DROP ROLE IF EXISTS \"Limited Role\"; CREATE ROLE \"Limited Role\" LOGIN");
    target.user = (char[]){"Limited Role"};
    must(target_connect(&limited, &target, server_admin.database, "test", NULL, &error));
    must_fail(ledger_prepare(&limited, &error), ERROR_CONFIG);
    assert_string_equal(error.code, "42501");
    assert_contains(error.hint, "GRANT CREATE ON DATABASE");
    assert_contains(error.hint, "\"Limited Role\"");
    /* Made by another role: all rights in it are needed, and are enough. */
    must(ledger_prepare(&server_admin, &error));
    must_fail(ledger_prepare(&limited, &error), ERROR_CONFIG);
    assert_contains(error.hint, "GRANT");
    server_execute(&server_admin,
                   "GRANT USAGE ON SCHEMA migration_status TO \"Limited Role\"; GRANT SELECT, INSERT, UPDATE, DELETE ON"
                   " ALL TABLES IN SCHEMA migration_status TO \"Limited Role\"; GRANT USAGE ON ALL SEQUENCES IN SCHEMA"
                   " migration_status TO \"Limited Role\"");
    must(ledger_prepare(&limited, &error));
    struct server_run run;
    server_start_run(&limited, &run);
    int64_t table = server_add_table(&limited, &run, "t", "t");
    server_plan(&limited, &run, table, "t", true, 3);
    struct ledger_claim claim;
    bool found = false;
    must(ledger_claim(&limited, run.run_id, &table, 1, run.owner_id, &claim, &found, &error));
    assert_true(found);
    ledger_claim_release(&claim);
    target_disconnect(&run.presence);
    target_disconnect(&limited);
    /* A schema of its own is as good. */
    without_ledger(NULL);
    server_execute(&server_admin, "CREATE SCHEMA migration_status AUTHORIZATION \"Limited Role\"");
    must(target_connect(&limited, &target, server_admin.database, "test", NULL, &error));
    must(ledger_prepare(&limited, &error));
    target_disconnect(&limited);
    without_ledger(NULL);
    server_execute(&server_admin, "DROP ROLE \"Limited Role\"");
}

/* What an older copier may have left: other keys, types without zone, checks, columns that we don't know, views, rows
 * in every state, counters that are wrong, rows without parents. */
static const char *const old_ledger =
    "CREATE SCHEMA migration_status;"
    "CREATE TABLE migration_status.migration_runs (run_id uuid PRIMARY KEY, started_at timestamp DEFAULT now(),"
    " completed_at timestamp, status varchar(20) NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', "
    "'failed',"
    " 'partial', 'cancelled')), config_hash varchar(64), total_sources int, total_tables int, completed_tables int "
    "DEFAULT 0,"
    " failed_tables int DEFAULT 0, total_rows_copied bigint DEFAULT 0, error_message text, metadata json, created_by"
    " varchar(100), lambda_request varchar NOT NULL);"
    "CREATE TABLE migration_status.migration_table_status (run_id uuid REFERENCES migration_status.migration_runs ON "
    "DELETE"
    " CASCADE, source_name varchar, source_database varchar, source_schema varchar, source_table varchar, "
    "target_database"
    " varchar, target_schema varchar, target_table varchar, status varchar(20) DEFAULT 'pending', started_at timestamp,"
    " completed_at timestamp, total_chunks int DEFAULT 0, completed_chunks int DEFAULT 0, failed_chunks int DEFAULT 0,"
    " total_rows_copied bigint DEFAULT 0, indexes_disabled boolean DEFAULT false, indexes_restored boolean DEFAULT "
    "false,"
    " error_message text, metadata jsonb, PRIMARY KEY (run_id, source_database, source_schema, source_table));"
    "CREATE TABLE migration_status.migration_chunk_status (id serial, run_id uuid, source_database varchar, "
    "source_schema"
    " varchar, source_table varchar, chunk_id int, chunk_range json, status varchar(20) DEFAULT 'pending', rows_copied "
    "bigint"
    " DEFAULT 0, started_at timestamp, completed_at timestamp, retry_count int DEFAULT 0, error_message text,"
    " PRIMARY KEY (run_id, source_database, source_schema, source_table, chunk_id));"
    "CREATE UNIQUE INDEX old_unique ON migration_status.migration_chunk_status (id);"
    "CREATE INDEX old_index ON migration_status.migration_chunk_status (status);"
    "CREATE VIEW migration_status.v_active_migrations AS SELECT run_id, status FROM migration_status.migration_runs "
    "WHERE"
    " status = 'running';"
    "CREATE VIEW migration_status.v_table_progress AS SELECT run_id, source_table, total_chunks FROM"
    " migration_status.migration_table_status;"
    "INSERT INTO migration_status.migration_runs (run_id, started_at, status, total_rows_copied, metadata, "
    "lambda_request) VALUES"
    " ('11111111-1111-1111-1111-111111111111', '2026-01-02 03:04:05', 'running', 7, '{\"source_names\": \"a\","
    " \"execution_hash\": \"00ff\"}', 'x'),"
    " ('22222222-2222-2222-2222-222222222222', '2026-01-01 00:00:00', 'cancelled', 0, NULL, 'y');"
    "INSERT INTO migration_status.migration_table_status (run_id, source_name, source_database, source_schema, "
    "source_table,"
    " target_database, target_schema, target_table, status, total_chunks, completed_chunks, total_rows_copied) VALUES"
    " ('11111111-1111-1111-1111-111111111111', 'a', 'DB', 'S', 'T1', 'pg', 'dst', 't1', 'in_progress', 9, 9, 9),"
    " ('11111111-1111-1111-1111-111111111111', 'a', 'DB', 'S', 'T2', 'pg', 'dst', 't2', 'completed', 0, 0, 0);"
    "INSERT INTO migration_status.migration_chunk_status (run_id, source_database, source_schema, source_table, "
    "chunk_id,"
    " chunk_range, status, rows_copied, completed_at) VALUES"
    " ('11111111-1111-1111-1111-111111111111', 'DB', 'S', 'T1', 1, '{\"start\": 1, \"end\": 10}', 'completed', 100, "
    "'2026-01-02"
    " 04:00:00'),"
    " ('11111111-1111-1111-1111-111111111111', 'DB', 'S', 'T1', 2, '{\"start\": 11}', 'in_progress', 50, NULL),"
    " ('11111111-1111-1111-1111-111111111111', 'DB', 'S', 'T1', 3, NULL, 'failed', NULL, NULL),"
    " ('11111111-1111-1111-1111-111111111111', 'DB', 'S', 'T1', 4, NULL, NULL, NULL, NULL),"
    " ('33333333-3333-3333-3333-333333333333', 'DB', 'S', 'T9', 1, NULL, 'completed', 5, '2025-01-01 00:00:00')";

static void an_older_ledger_is_taken_over_with_its_rows(void **state) {
    (void)state;
    bool exists = false;
    must(target_execute(&server_admin, old_ledger, &error));
    must_fail(ledger_exists(&server_admin, &exists, &error), ERROR_CONFIG);
    assert_contains(error.hint, "upgrades");
    must(ledger_prepare(&server_admin, &error));
    must(ledger_prepare(&server_admin, &error));
    server_check_counters(&server_admin);
    assert_string_equal(server_value(&server_admin,
                                     "SELECT started_at || ' ' || status || ' ' || (metadata ->> 'execution_hash')"
                                     " || ' ' || last_progress_at || ' ' || total_rows_copied"
                                     " FROM migration_status.migration_runs WHERE config_hash IS NULL AND run_id ="
                                     " '11111111-1111-1111-1111-111111111111'"),
                        "2026-01-02 03:04:05+00 running 00ff 2026-01-02 04:00:00+00 100");
    assert_string_equal(server_value(&server_admin,
                                     "SELECT status || ' ' || error_message FROM migration_status.migration_runs"
                                     " WHERE run_id = '22222222-2222-2222-2222-222222222222'"),
                        "failed its status was cancelled");
    assert_string_equal(
        server_value(&server_admin, "SELECT string_agg(concat_ws(' ', c.source_table, chunk_id, c.status,"
                                    " rows_copied, t.target_table), ', ' ORDER BY c.source_table, chunk_id)"
                                    " FROM migration_status.migration_chunk_status c JOIN"
                                    " migration_status.migration_table_status t USING (table_id)"),
        "T1 1 completed 100 t1, T1 2 in_progress 0 t1, T1 3 failed 0 t1, T1 4 pending 0 t1, T9 1 completed"
        " 5 ");
    assert_string_equal(server_value(&server_admin, "SELECT state FROM migration_status.v_active_migrations"),
                        "interrupted");
    assert_string_equal(server_value(&server_admin,
                                     "SELECT chunk_range ->> 'end' FROM migration_status.migration_chunk_status"
                                     " WHERE source_table = 'T1' AND chunk_id = 1"),
                        "10");
}

static void an_upgraded_ledger_works(void **state) {
    (void)state;
    struct server_run run;
    int run_number = 0;
    bool unknown = false;
    must(target_execute(&server_admin, old_ledger, &error));
    must(ledger_prepare(&server_admin, &error));
    server_start_run(&server_admin, &run); /* the old copier's own column asks for nothing any more */
    int64_t table = server_add_table(&server_admin, &run, "T1", "new");
    server_plan(&server_admin, &run, table, "new", true, 2);
    target_disconnect(&run.presence);
    /* The old run can be resumed by its id, and its tables are listed. */
    must(target_begin(&server_admin, true, &error));
    must(ledger_adopt_run(&server_admin, "11111111-1111-1111-1111-111111111111", &run_number, &error));
    must(target_commit(&server_admin, &unknown, &error));
    assert_true(run_number > 0);
    struct ledger_tables tables;
    must(ledger_list_tables(&server_admin, "11111111-1111-1111-1111-111111111111", &tables, &error));
    assert_int_equal(tables.count, 2);
    assert_true(tables.list[0].planned);
    assert_int_equal(tables.list[0].failed_chunks, 0);
    ledger_tables_release(&tables);
    server_check_counters(&server_admin);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_made_once, without_ledger),
        cmocka_unit_test_setup(many_may_start_at_once, without_ledger),
        cmocka_unit_test_setup(a_newer_ledger_is_refused, without_ledger),
        cmocka_unit_test_setup(a_role_without_rights_is_told_which, without_ledger),
        cmocka_unit_test_setup(an_older_ledger_is_taken_over_with_its_rows, without_ledger),
        cmocka_unit_test_setup(an_upgraded_ledger_works, without_ledger),
    };
    return cmocka_run_group_tests(tests, server_open_admin, server_close_admin);
}
