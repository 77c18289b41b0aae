/* What facts mean for a run. Pure: nobody is asked here. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/check.h"

enum {
    RELATION_EXTENSION_MENDED = 160000, /* before, writers of one table wait for each other's new pages */
    MANY_ON_A_TABLE = 8,
    SHORT_SOURCE_STATEMENT_SECONDS = 3600,
    /* What a run keeps in each database beside its workers: a control connection, and its presence. */
    CONNECTIONS_A_DATABASE = 2
};

static const int64_t MEGABYTE = 1024 * 1024;

/* "96 kB", "1.2 GB": for people. */
static const char *size_text(int64_t bytes, char *text, size_t size) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double number = (double)bytes;
    size_t unit = 0;
    while (number >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        number /= 1024;
        unit++;
    }
    snprintf(text, size, number < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", number, units[unit]);
    return text;
}

static const char *duration_text(int64_t milliseconds, char *text, size_t size) {
    clock_format_duration(milliseconds * 1000, text, size);
    return text;
}

/* Can it be written to at all? */
static void judge_writable(struct check_findings *findings, const struct target_server_facts *facts) {
    if (facts->standby)
        check_hint(
            check_add(findings, CHECK_PROBLEM, "standby", "the server is in recovery: a standby takes no writes"),
            "connect to the primary, or wait until the recovery is over");
    if (facts->read_only)
        check_hint(check_add(findings, CHECK_PROBLEM, "read_only",
                             "default_transaction_read_only is on for the role \"%s\" in this database", facts->role),
                   "ALTER ROLE \"%s\" SET default_transaction_read_only = off", facts->role);
    if (strcmp(facts->encoding, "UTF8") != 0)
        check_hint(check_add(findings, CHECK_REMARK, "encoding",
                             "the database's encoding is %s: a text with a character outside of it is refused",
                             facts->encoding),
                   "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
}

static int64_t smaller_limit(int64_t limit, int64_t other) {
    return other >= 0 && other < limit ? other : limit;
}

static void judge_connections(struct check_findings *findings, const struct target_server_facts *facts,
                              const struct check_load *load) {
    int64_t needed = load->workers + (int64_t)CONNECTIONS_A_DATABASE * load->databases;
    int64_t allowed = facts->max_connections - (facts->superuser ? 0 : facts->reserved_connections);
    if (!facts->superuser)
        allowed = smaller_limit(smaller_limit(allowed, facts->role_limit), facts->database_limit);
    int64_t left = facts->max_connections - facts->reserved_connections - facts->used_connections;
    if (needed > allowed)
        check_hint(check_add(findings, CHECK_PROBLEM, "connections",
                             "a run with %d workers needs %" PRId64
                             " connections, and the role \"%s\" gets at most %" PRId64,
                             load->workers, needed, facts->role, allowed),
                   "lower parallel_threads, or raise max_connections (or the CONNECTION LIMIT of role or database)");
    else if (needed > left)
        check_hint(check_add(findings, CHECK_REMARK, "connections",
                             "a run with %d workers needs %" PRId64 " connections, and about %" PRId64
                             " are free at this moment",
                             load->workers, needed, left > 0 ? left : 0),
                   "lower parallel_threads, or raise max_connections: workers that get none wait and try again");
    else
        check_add(findings, CHECK_OK, "connections", "a run needs %" PRId64 " connections, about %" PRId64 " are free",
                  needed, left);
}

static void judge_wal(struct check_findings *findings, const struct target_server_facts *facts,
                      const struct check_load *load) {
    char limit[32], bytes[32];
    size_text(facts->max_wal_size, limit, sizeof limit);
    size_text(load->bytes, bytes, sizeof bytes);
    if (load->bytes > facts->max_wal_size)
        check_hint(check_add(findings, CHECK_REMARK, "max_wal_size",
                             "the load is about %s, and max_wal_size is %s: the server will checkpoint again and again",
                             bytes, limit),
                   "for the time of the load: ALTER SYSTEM SET max_wal_size = '%" PRId64 "GB'; SELECT pg_reload_conf()",
                   load->bytes / (1024 * MEGABYTE) + 1);
    else
        check_add(findings, CHECK_OK, "max_wal_size", "max_wal_size is %s", limit);
    if (strcmp(facts->wal_level, "logical") == 0)
        check_add(findings, CHECK_REMARK, "wal_level",
                  "wal_level is logical: whatever decodes this server's WAL gets every row of the load");
    if (facts->idle_slots != NULL)
        check_hint(check_add(findings, CHECK_REMARK, "replication_slots",
                             "nobody reads these replication slots, so that the server keeps all WAL of the load for "
                             "them: %s",
                             facts->idle_slots),
                   "start their readers, or SELECT pg_drop_replication_slot(...)");
    if (load->uncounted > 0)
        check_add(findings, CHECK_OK, "disk_space",
                  "the server's disk can't be seen from here; the load is about %s, and %d table%s that nobody counted",
                  bytes, load->uncounted, load->uncounted == 1 ? "" : "s");
    else
        check_add(findings, CHECK_OK, "disk_space", "the server's disk can't be seen from here; the load is about %s",
                  bytes);
}

static void judge_durability(struct check_findings *findings, const struct target_server_facts *facts) {
    if (!facts->fsync)
        check_hint(check_add(findings, CHECK_REMARK, "fsync",
                             "fsync is off: after a crash of the machine the whole cluster may be damaged, what is "
                             "completed included"),
                   "switch it on again before anybody relies on the data");
    if (facts->synchronous_standby_names[0] != '\0')
        check_add(
            findings, CHECK_REMARK, "synchronous_standby",
            "synchronous_standby_names is set (%s): completing a table or a run waits for that standby, for as long "
            "as it is away",
            facts->synchronous_standby_names);
}

static void judge_commits(struct check_findings *findings, const struct target_server_facts *facts) {
    if (strcmp(facts->synchronous_commit, "off") == 0)
        check_add(
            findings, CHECK_REMARK, "synchronous_commit",
            "synchronous_commit is off for the role \"%s\": thaw waits for the disk all the same when it completes a "
            "table or a run, other sessions don't",
            facts->role);
}

static void judge_timeouts(struct check_findings *findings, const struct target_server_facts *facts) {
    char duration[32];
    if (facts->statement_timeout_ms > 0 && facts->pooled)
        check_hint(
            check_add(findings, CHECK_REMARK, "statement_timeout",
                      "statement_timeout is %s for the role \"%s\": loads switch it off for themselves, but what "
                      "thaw asks between them is cut off by it, since the session is the pooler's",
                      duration_text(facts->statement_timeout_ms, duration, sizeof duration), facts->role),
            "ALTER ROLE \"%s\" SET statement_timeout = 0", facts->role);
    if (facts->idle_in_transaction_timeout_ms > 0)
        check_add(
            findings, CHECK_REMARK, "idle_in_transaction_session_timeout",
            "idle_in_transaction_session_timeout is %s for the role \"%s\": thaw sets its own for its transactions",
            duration_text(facts->idle_in_transaction_timeout_ms, duration, sizeof duration), facts->role);
}

static void judge_pooler(struct check_findings *findings, const struct check_load *load) {
    check_hint(check_add(findings, CHECK_REMARK, "pooler",
                         "a connection pooler stands between here and the server: it must pool by transaction or by "
                         "session, and its own limits count, too"),
               "its pool of each database needs %d server connections for each process of the run (PgBouncer: "
               "default_pool_size), and no time-outs of its own (query_timeout, idle_transaction_timeout)",
               load->workers + CONNECTIONS_A_DATABASE);
    check_hint(check_add(findings, CHECK_REMARK, "keepalives",
                         "behind a pooler thaw doesn't set the server's TCP keepalives, by which it notices a dead "
                         "pooler: after two hours by default"),
               "set tcp_keepalives_idle = 10, tcp_keepalives_interval = 5 and tcp_keepalives_count = 4 in the server, "
               "and tcp_keepalive in the pooler");
}

static void judge_network(struct check_findings *findings, const struct target_server_facts *facts,
                          const struct check_load *load) {
    if (facts->pooled)
        judge_pooler(findings, load);
    else if (!facts->local_socket && (facts->keepalive_seconds <= 0 || facts->keepalive_seconds > 600))
        check_hint(check_add(findings, CHECK_REMARK, "keepalives",
                             "the server does not take TCP keepalives for our sessions (tcp_keepalives_idle is %" PRId64
                             " s): it notices a dead client late",
                             facts->keepalive_seconds),
                   "set them in its operating system");
    else
        check_add(findings, CHECK_OK, "keepalives",
                  facts->local_socket ? "the connection is a local socket" : "TCP keepalives are set for our sessions");
}

void check_server(struct check_findings *findings, const struct target_server_facts *facts,
                  const struct check_load *load) {
    judge_connections(findings, facts, load);
    if (facts->version_number < RELATION_EXTENSION_MENDED && load->most_on_a_table > MANY_ON_A_TABLE)
        check_hint(check_add(findings, CHECK_REMARK, "extension_lock",
                             "%d workers in one table: before PostgreSQL 16 writers of a table wait for each other "
                             "whenever it grows, and more than some %d don't make it faster",
                             load->most_on_a_table, MANY_ON_A_TABLE),
                   "set parallel_threads of the large tables to %d, or less", MANY_ON_A_TABLE);
    judge_wal(findings, facts, load);
    judge_durability(findings, facts);
    judge_network(findings, facts, load);
}

void check_target_database(struct check_findings *findings, const struct target_server_facts *facts) {
    judge_writable(findings, facts);
    judge_commits(findings, facts);
    judge_timeouts(findings, facts);
}

void check_target_table(struct check_findings *findings, const struct target_table_facts *facts, bool truncate) {
    if (truncate && facts->referencing != NULL)
        check_hint(check_add(findings, CHECK_PROBLEM, "referenced",
                             "it can't be truncated: foreign keys of other tables reference it: %s",
                             facts->referencing),
                   "drop those foreign keys for the time of the migration; nothing is ever truncated with CASCADE");
    if (facts->foreign_keys != NULL)
        check_hint(
            check_add(findings, CHECK_REMARK, "foreign_keys",
                      "its foreign keys are checked row by row, and the rows that they want must be there first: %s",
                      facts->foreign_keys),
            "drop them for the time of the migration, or load the other tables before");
    if (facts->triggers != NULL)
        check_hint(
            check_add(findings, CHECK_REMARK, "triggers",
                      "triggers fire at the load; one that drops rows makes the counts differ, which is an error: %s",
                      facts->triggers),
            "ALTER TABLE ... DISABLE TRIGGER ... for the time of the migration, where that is meant");
    if (facts->indexes > 0)
        check_hint(check_add(findings, CHECK_REMARK, "indexes",
                             "loading is about twice as slow with its %" PRId64 " index%s in place: %s", facts->indexes,
                             facts->indexes == 1 ? "" : "es", facts->index_names),
                   "disable_index drops them for the load and builds them again after it");
    if (facts->partitions > 0)
        check_add(findings, CHECK_REMARK, "partitioned",
                  "it is partitioned (%" PRId64 " partition%s): a row without a partition to go to is refused",
                  facts->partitions, facts->partitions == 1 ? "" : "s");
}

void check_source(struct check_findings *findings, const struct source_facts *facts, const char *warehouse) {
    check_add(findings, CHECK_OK, "connection", "%s%s%s%s%s%s%s", facts->version, facts->user == NULL ? "" : ", user ",
              facts->user == NULL ? "" : facts->user, facts->role == NULL ? "" : ", role ",
              facts->role == NULL ? "" : facts->role, facts->warehouse == NULL ? "" : ", warehouse ",
              facts->warehouse == NULL ? "" : facts->warehouse);
    if (facts->has_warehouse && facts->warehouse == NULL && warehouse != NULL)
        check_hint(check_add(findings, CHECK_PROBLEM, "warehouse",
                             "the session has no warehouse: \"%s\" doesn't exist, or the role may not use it",
                             warehouse),
                   "GRANT USAGE ON WAREHOUSE ... TO ROLE ...");
    else if (facts->has_warehouse && facts->warehouse == NULL)
        check_hint(check_add(findings, CHECK_PROBLEM, "warehouse", "the session has no warehouse: nothing can be read"),
                   "set snowflake.warehouse, or the user's DEFAULT_WAREHOUSE");
    if (facts->warehouse_state != NULL && strcmp(facts->warehouse_state, "SUSPENDED") == 0 &&
        facts->warehouse_resumes == 0)
        check_hint(check_add(findings, CHECK_PROBLEM, "warehouse",
                             "the warehouse \"%s\" is suspended and doesn't resume by itself", facts->warehouse),
                   "ALTER WAREHOUSE ... RESUME, or SET AUTO_RESUME = TRUE");
    if (facts->statement_limit_seconds > 0 && facts->statement_limit_seconds < SHORT_SOURCE_STATEMENT_SECONDS)
        check_hint(check_add(findings, CHECK_REMARK, "source_statement_timeout",
                             "STATEMENT_TIMEOUT_IN_SECONDS is %" PRId64
                             ": the source ends a query, a chunk's reading included, after that time",
                             facts->statement_limit_seconds),
                   "raise it for the user or the warehouse, or choose a smaller batch_size");
}
