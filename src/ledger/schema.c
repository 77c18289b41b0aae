#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

/* The steps by which the schema came to be what it is, each applied once, in order. A released step never changes: what
 * comes later is a new one. */
static const char *const steps[] = {sql_001_base,  sql_002_indexes, sql_003_rejects, sql_004_merge,
                                    sql_005_split, sql_006_ends,    sql_007_percent};

enum { NEWEST_VERSION = sizeof steps / sizeof steps[0] };

/* -1: no ledger at all; 0: one of the older Python copier, which has no version. The catalogue is read as a table: a
 * function like to_regclass() may answer out of the session's cache what was true before it waited for the lock. */
static bool read_version(struct target_connection *connection, int *version, struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection,
                      "SELECT count(*) FILTER (WHERE c.relname = 'schema_version') > 0, count(*) > 0"
                      " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
                      " WHERE n.nspname = 'migration_status' AND c.relname IN ('schema_version', 'migration_runs')",
                      0, NULL, &result, error))
        return false;
    bool versioned = truth_of(result, 0, 0);
    *version = truth_of(result, 0, 1) ? 0 : -1;
    PQclear(result);
    if (!versioned)
        return true;
    if (!target_query(connection, "SELECT coalesce(max(version), 0) FROM migration_status.schema_version", 0, NULL,
                      &result, error))
        return false;
    *version = (int)number_of(result, 0, 0);
    PQclear(result);
    return true;
}

/* A ledger that another role made is of use only with all rights in it. */
static bool check_privileges(struct target_connection *connection, struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection, sql_ledger_privileges, 0, NULL, &result, error))
        return false;
    bool good = truth_of(result, 0, 0);
    if (!good) {
        const char *role = PQgetvalue(result, 0, 1);
        error_set_code(
            error, ERROR_CONFIG, "42501",
            "the role \"%s\" may not read and write the ledger in database \"%s\", which the role \"%s\" owns", role,
            connection->database, PQgetvalue(result, 0, 2));
        error_hint(
            error,
            "GRANT USAGE ON SCHEMA migration_status TO \"%s\"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN "
            "SCHEMA migration_status TO \"%s\"; GRANT USAGE ON ALL SEQUENCES IN SCHEMA migration_status TO \"%s\"",
            role, role, role);
    }
    PQclear(result);
    return good;
}

/* The version, outside of a transaction; where it can't be read for want of rights, the error says which. */
static bool look_up_version(struct target_connection *connection, int *version, struct error *error) {
    if (read_version(connection, version, error))
        return true;
    if (strcmp(error->code, "42501") == 0 && check_privileges(connection, error))
        return error_set(error, ERROR_TRANSIENT,
                         "the privileges on the ledger in database \"%s\" change at this moment", connection->database);
    return false;
}

static bool refuse_newer(struct target_connection *connection, int version, struct error *error) {
    if (version <= NEWEST_VERSION)
        return true;
    error_set(error, ERROR_CONFIG,
              "the ledger in database \"%s\" has version %d, and this program knows versions up to %d",
              connection->database, version, NEWEST_VERSION);
    return error_hint(error, "a newer thaw has been used here: use that one, or a newer one still");
}

/* Under the lock, with a fresh look: another process may have been quicker. *version is what the ledger has then. */
static bool apply_next(struct target_connection *connection, int *version, struct error *error) {
    char number[NUMBER_SIZE];
    if (!target_execute(connection, "SELECT pg_advisory_xact_lock(1952997633, 0)", error) ||
        !read_version(connection, version, error))
        return false;
    if (*version >= NEWEST_VERSION)
        return true;
    int next = *version < 0 ? 0 : *version;
    const char *parameters[] = {number_text(number, next + 1)};
    if (!target_execute(connection, steps[next], error) ||
        !target_execute(connection,
                        "CREATE TABLE IF NOT EXISTS migration_status.schema_version (version integer PRIMARY KEY,"
                        " applied_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),"
                        " applied_by text NOT NULL DEFAULT CURRENT_USER)",
                        error) ||
        !target_query(connection, "INSERT INTO migration_status.schema_version (version) VALUES ($1::integer)", 1,
                      parameters, NULL, error))
        return error_context(error, "making version %d of the ledger in database \"%s\"", next + 1,
                             connection->database);
    *version = next + 1;
    return true;
}

/* The role and what it lacks, where the server's own words don't say what to do. */
static bool explain_privilege(struct target_connection *connection, struct error *error) {
    if (strcmp(error->code, "42501") != 0)
        return false;
    const char *role = PQuser(connection->pg);
    return error_hint(
        error,
        "GRANT CREATE ON DATABASE \"%s\" TO \"%s\" (thaw makes the schema migration_status on first use), or let "
        "that role own the schema and what is in it: CREATE SCHEMA migration_status AUTHORIZATION \"%s\"",
        connection->database, role, role);
}

bool ledger_prepare(struct target_connection *connection, struct error *error) {
    int version = -1;
    if (!look_up_version(connection, &version, error))
        return false;
    while (version < NEWEST_VERSION) {
        if (!target_begin(connection, true, error))
            return false;
        if (!ledger_end(connection, apply_next(connection, &version, error), error))
            return explain_privilege(connection, error);
    }
    return refuse_newer(connection, version, error) && check_privileges(connection, error);
}

/* What ledger_prepare() would stumble over, with nothing made. */
static bool check_may_make(struct target_connection *connection, struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection, sql_may_make_ledger, 0, NULL, &result, error))
        return false;
    bool good = truth_of(result, 0, 0);
    if (!good) {
        error_set_code(error, ERROR_CONFIG, "42501",
                       "the role \"%s\" may not make the ledger in database \"%s\", or bring it up to date",
                       PQgetvalue(result, 0, 1), connection->database);
        explain_privilege(connection, error);
    }
    PQclear(result);
    return good;
}

bool ledger_examine(struct target_connection *connection, enum ledger_state *state, struct error *error) {
    int version = -1;
    if (!look_up_version(connection, &version, error) || !refuse_newer(connection, version, error))
        return false;
    *state = version < 0 ? LEDGER_ABSENT : version < NEWEST_VERSION ? LEDGER_OLDER : LEDGER_READY;
    return *state == LEDGER_READY ? check_privileges(connection, error) : check_may_make(connection, error);
}

bool ledger_exists(struct target_connection *connection, bool *exists, struct error *error) {
    int version = -1;
    *exists = false;
    if (!look_up_version(connection, &version, error) || !refuse_newer(connection, version, error))
        return false;
    *exists = version == NEWEST_VERSION;
    if (version >= 0 && version < NEWEST_VERSION) {
        error_set(error, ERROR_CONFIG, "the ledger in database \"%s\" was made by an older program",
                  connection->database);
        return error_hint(error, "thaw migrate upgrades it in place");
    }
    return true;
}
