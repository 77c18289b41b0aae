/* A DuckDB in memory by its real driver, for the tests of plan/ that ask a source: the state of each test. */
#ifndef THAW_TESTS_PLAN_DUCKDB_H
#define THAW_TESTS_PLAN_DUCKDB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "plan/plan.h"
#include "source/source.h"

struct fixture {
    struct source *source;
    struct source_connection *connection;
};

static inline void query(struct fixture *fixture, const char *sql, struct source_rows *rows) {
    struct error error = {0};

    if (!source_query_rows(fixture->connection, sql, rows, &error))
        fail_msg("%s: %s", sql, error.message);
}

/* The driver gives an INSERT's rows as its result's total, which isn't what arrives; a query after it has its own. */
static inline void execute(struct fixture *fixture, const char *sql) {
    struct buffer statements = {0};
    struct source_rows rows = {0};

    buffer_appendf(&statements, "%s; SELECT 1", sql);
    query(fixture, buffer_string(&statements), &rows);
    source_rows_release(&rows);
    buffer_release(&statements);
}

static inline int open_duckdb(void **state) {
    const char *root = getenv("THAW_SOURCE_ROOT");
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    struct buffer driver = {0};
    char dialect[] = "duckdb";
    struct error error = {0};

    buffer_appendf(&driver, "%s/build/drivers/libduckdb.so", root != NULL ? root : ".");
    const struct config config = {.source = {.kind = SOURCE_ADBC, .driver = driver.data, .dialect = dialect}};
    bool done = source_open(&config, NULL, &fixture->source, &error) &&
                source_connect(fixture->source, &fixture->connection, &error);

    buffer_release(&driver);
    if (!done)
        print_error("%s\n", error.message);
    *state = fixture;
    return done ? 0 : -1;
}

static inline int close_duckdb(void **state) {
    struct fixture *fixture = *state;

    source_disconnect(&fixture->connection);
    source_close(&fixture->source);
    memory_release(&fixture);
    return 0;
}

#endif
