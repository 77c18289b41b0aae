/* What PostgreSQL said, as one error: https://www.postgresql.org/docs/current/errcodes-appendix.html */
#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "target/connection.h"

/* A SQLSTATE, or the beginning of one, and what it means to us. The longest match comes first. */
static const struct {
    const char *prefix;
    enum error_kind kind;
    const char *hint; /* used where the server has none */
} meanings[] = {
    {"0A", ERROR_CONFIG, NULL},
    {"08P01", ERROR_INTERNAL, NULL},
    {"08", ERROR_TRANSIENT, NULL},
    {"22", ERROR_DATA, "correct the row in the source, or leave such rows out with source_filter"},
    {"23505", ERROR_DATA,
     "the source has this key twice, or the target has the row already: truncate_onstart empties the target first, "
     "source_filter leaves rows out"},
    {"23503", ERROR_DATA,
     "the row that the foreign key wants must be there first: load that table before this one (thaw migrate --table), "
     "or "
     "drop the key for the time of the migration"},
    {"23", ERROR_DATA,
     "correct the row in the source, leave such rows out with source_filter, or change the constraint"},
    {"25006", ERROR_TRANSIENT,
     "the server takes no writes: it is a standby (after a failover: the old primary), or "
     "default_transaction_read_only "
     "is on for this role or database"},
    {"25P03", ERROR_TRANSIENT, NULL},
    {"25P04", ERROR_TRANSIENT, "raise transaction_timeout for this role"},
    {"28", ERROR_AUTH,
     "check postgres.user and postgres.password, whether the role may log in and its password is still valid "
     "(rolvaliduntil), and the "
     "server's pg_hba.conf"},
    {"2BP01", ERROR_CONFIG, NULL},
    {"3D", ERROR_CONFIG, "check target_pg_database: names are exact, case included"},
    {"3F", ERROR_CONFIG, "check target_pg_schema: names are exact, case included"},
    {"40", ERROR_TRANSIENT, NULL},
    {"42501", ERROR_CONFIG,
     "grant the role of postgres.user what is missing (thaw check says what), or use its owner's role"},
    {"42", ERROR_CONFIG, NULL},
    {"44", ERROR_DATA, NULL},
    /* Room may be made, or a temporary file go away, while we wait between attempts; if not, the attempts end. */
    {"53100", ERROR_TRANSIENT, "the server's disk is full: make room, then run the same command again to resume"},
    {"53300", ERROR_TRANSIENT,
     "there is no connection left: lower parallel_threads, or raise max_connections or the CONNECTION LIMIT of role or "
     "database"},
    {"53400", ERROR_CONFIG, NULL},
    {"53", ERROR_TRANSIENT, NULL},
    /* A row or an index entry that is too large for a page. */
    {"54000", ERROR_DATA, "leave such rows out with source_filter, or drop the index that can't hold the value"},
    {"54", ERROR_CONFIG, NULL},
    {"55P03", ERROR_TRANSIENT, "another session holds a lock for longer than lock_timeout: see pg_blocking_pids()"},
    {"55006", ERROR_TRANSIENT, NULL},
    {"55", ERROR_CONFIG, NULL},
    {"57014", ERROR_TRANSIENT,
     "somebody cancelled it, or a statement_timeout did that thaw can't switch off (of a pooler)"},
    {"57P04", ERROR_CONFIG, "the database was dropped"},
    {"57P", ERROR_TRANSIENT, NULL},
    {"58030", ERROR_TRANSIENT, NULL},
    {"72", ERROR_TRANSIENT, NULL},
    {"F0", ERROR_CONFIG, NULL},
    {"HV", ERROR_CONFIG, NULL},
    /* Raised by a trigger or a function of the target's owner, about the row at hand. */
    {"P0001", ERROR_DATA,
     "a trigger or a function of the target refuses it: correct the row in the source, leave such rows out with "
     "source_filter, or switch "
     "the trigger off for the time of the load"},
    {"P0", ERROR_DATA, NULL},
};

/* A pooler's own words: PgBouncer gives them all one SQLSTATE, so the words have to do, as 1.18 says them. The first that is
 * found counts; what isn't here passes: a server that is away, a connection that crashed. */
#define POOLER_SQLSTATE "08P01"
static const struct {
    const char *words;
    enum error_kind kind;
    const char *hint;
} pooler_meanings[] = {
    {"query_wait_timeout", ERROR_TRANSIENT, TARGET_POOL_HINT},
    {"max_client_conn", ERROR_TRANSIENT,
     "raise PgBouncer's max_client_conn: a process has a connection for each worker and two more"},
    {"statement pooling", ERROR_CONFIG, "set PgBouncer's pool_mode to transaction (or session)"},
    {"unsupported startup parameter", ERROR_CONFIG,
     "add it to PgBouncer's ignore_startup_parameters, or leave it out of postgres.url and PGOPTIONS"},
    {"does not exist", ERROR_CONFIG, "check target_pg_database and postgres.user: names are exact, case included"},
    {"no such database", ERROR_CONFIG, "add the database to PgBouncer's section [databases]"},
    {"authentication failed", ERROR_AUTH, "check postgres.user and postgres.password, and PgBouncer's auth_file"},
    {"", ERROR_TRANSIENT, NULL},
};

static void judge_pooler(struct error *error) {
    size_t at = 0;
    while (strstr(error->message, pooler_meanings[at].words) == NULL)
        at++;
    error->kind = pooler_meanings[at].kind;
    if (pooler_meanings[at].hint != NULL)
        error_hint(error, "%s", pooler_meanings[at].hint);
}

static size_t meaning_of(const char *sqlstate) {
    size_t count = sizeof meanings / sizeof meanings[0];
    for (size_t i = 0; i < count; i++)
        if (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) == 0)
            return i;
    return count;
}

enum error_kind target_error_kind(const char *sqlstate) {
    /* No SQLSTATE: libpq speaks, and what it reports is a connection that is no more. */
    if (sqlstate == NULL || sqlstate[0] == '\0')
        return ERROR_TRANSIENT;
    size_t meaning = meaning_of(sqlstate);
    return meaning < sizeof meanings / sizeof meanings[0] ? meanings[meaning].kind : ERROR_INTERNAL;
}

static const char *hint_of(const char *sqlstate) {
    size_t meaning = meaning_of(sqlstate);
    return meaning < sizeof meanings / sizeof meanings[0] ? meanings[meaning].hint : NULL;
}

/* Append with each run of white space that holds a line break made one space. */
static void append_line(struct buffer *text, const char *words) {
    size_t end = strlen(words);
    while (end > 0 && isspace((unsigned char)words[end - 1]))
        end--;
    for (size_t i = 0; i < end; i++) {
        size_t next = i;
        bool broken = false;
        for (; isspace((unsigned char)words[next]); next++)
            broken |= words[next] == '\n';
        buffer_append_char(text, broken ? ' ' : words[i]);
        if (broken)
            i = next - 1;
    }
}

static void append_field(struct buffer *text, const PGresult *result, int field, const char *label) {
    const char *value = PQresultErrorField(result, field);
    if (value == NULL || value[0] == '\0')
        return;
    buffer_append(text, label);
    append_line(text, value);
}

static void append_names(struct buffer *text, const PGresult *result) {
    append_field(text, result, PG_DIAG_SCHEMA_NAME, "; schema ");
    append_field(text, result, PG_DIAG_TABLE_NAME, "; table ");
    append_field(text, result, PG_DIAG_COLUMN_NAME, "; column ");
    append_field(text, result, PG_DIAG_DATATYPE_NAME, "; type ");
    append_field(text, result, PG_DIAG_CONSTRAINT_NAME, "; constraint ");
}

/* libpq's own words: there is no SQLSTATE, and with a dead connection only one meaning. */
static bool failure_of_connection(struct target_connection *connection, const char *said, struct error *error) {
    struct buffer text = {0};
    append_line(&text, said);
    bool lost = PQstatus(connection->pg) != CONNECTION_OK;
    error_set(error, lost ? ERROR_TRANSIENT : ERROR_INTERNAL, "%s%s",
              lost ? "the connection to PostgreSQL is lost: " : "libpq: ",
              text.length > 0 ? buffer_string(&text) : "no reason given");
    buffer_release(&text);
    return false;
}

bool target_failure(struct target_connection *connection, const PGresult *result, struct error *error) {
    if (connection->pg == NULL)
        return error_set(error, ERROR_TRANSIENT, "the connection to PostgreSQL is closed");
    const char *sqlstate = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (sqlstate == NULL)
        return failure_of_connection(
            connection, result == NULL ? PQerrorMessage(connection->pg) : PQresultErrorMessage(result), error);
    struct buffer text = {0};
    append_field(&text, result, PG_DIAG_SEVERITY, "PostgreSQL ");
    buffer_appendf(&text, " %s", sqlstate);
    append_field(&text, result, PG_DIAG_MESSAGE_PRIMARY, ": ");
    append_field(&text, result, PG_DIAG_MESSAGE_DETAIL, "; detail: ");
    append_names(&text, result);
    append_field(&text, result, PG_DIAG_CONTEXT, "; context: ");
    error_set_code(error, target_error_kind(sqlstate), sqlstate, "%s", buffer_string(&text));
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (hint == NULL || hint[0] == '\0')
        hint = hint_of(sqlstate);
    if (hint != NULL)
        error_hint(error, "%s", hint);
    /* PostgreSQL's own violations of the protocol name their severity twice, since 9.6. */
    if (strcmp(sqlstate, POOLER_SQLSTATE) == 0 && PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED) == NULL)
        judge_pooler(error);
    buffer_release(&text);
    return false;
}

/* The SQLSTATE in a verbose message, "...: FATAL:  28P01: password ...", or NULL. libpq gives it in no other way while
 * a connection comes about. */
static const char *find_sqlstate(const char *message) {
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *code = at + 3;
        size_t length = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (length == 5 && code[5] == ':' && code[6] == ' ')
            return code;
    }
    return NULL;
}

/* What libpq says of settings of ours, which no second attempt mends, by its words; the first that are found count.
 * TLS's own alarms may come from a server that is going down. */
static const struct {
    const char *words;
    enum error_kind kind;
    const char *hint;
} refusals[] = {
    {"no password supplied", ERROR_AUTH, "set postgres.password, PGPASSWORD or a password file"},
    {"unexpected eof", ERROR_TRANSIENT, NULL},
    {"alert internal error", ERROR_TRANSIENT, NULL},
    {"does not support SSL", ERROR_CONFIG,
     "the server has no TLS (ssl = off): switch it on there, or set postgres.sslmode to prefer or disable where the "
     "way to it is "
     "safe"},
    {"root certificate", ERROR_CONFIG,
     "postgres.sslrootcert names the file with the authority of the server's certificate"},
    {"certificate verify failed", ERROR_CONFIG,
     "postgres.sslrootcert must hold the authority that has signed the server's certificate"},
    {"certificate for", ERROR_CONFIG,
     "postgres.sslmode verify-full wants the name in the certificate: connect by that name, or use verify-ca"},
    {"certificate", ERROR_CONFIG, "check postgres.sslmode and postgres.sslrootcert"},
    {"SSL error: ", ERROR_CONFIG,
     "check postgres.sslmode and postgres.sslrootcert, and that PostgreSQL answers at this port"},
    {"service file", ERROR_CONFIG, "check PGSERVICE and PGSERVICEFILE"},
    {"definition of service", ERROR_CONFIG, "check PGSERVICE and PGSERVICEFILE"},
    {"invalid ", ERROR_CONFIG, "check the keys of postgres, and libpq's variables in the environment"},
    {"host name for", ERROR_CONFIG, NULL},
};

/* Without a SQLSTATE nothing answered as PostgreSQL does. That passes, unless it is about settings of ours. */
static void judge_silence(PGconn *pg, const char *message, struct error *error) {
    const char *hint = NULL;
    enum error_kind kind = ERROR_TRANSIENT;
    const size_t count = sizeof refusals / sizeof *refusals;
    size_t i = 0;
    while (i < count && strstr(message, refusals[i].words) == NULL && !(i == 0 && PQconnectionNeedsPassword(pg)))
        i++;
    if (i < count) {
        kind = refusals[i].kind;
        hint = refusals[i].hint;
    }
    error_set(error, kind, "can't connect to PostgreSQL: %s", *message != '\0' ? message : "no reason given");
    error_hint(error, "%s",
               hint != NULL
                   ? hint
                   : "check postgres.host and postgres.port, and that the server runs and can be reached from here");
}

bool target_connect_failure(PGconn *pg, struct error *error) {
    const char *said = PQerrorMessage(pg);
    struct buffer text = {0};
    /* The place in the server's source code, which verbosity brings along, helps nobody here. */
    const char *location = strstr(said, "\nLOCATION:");
    char *message = memory_copy_bytes(said, location == NULL ? strlen(said) : (size_t)(location - said));
    append_line(&text, message);
    memory_release(&message);
    const char *code = find_sqlstate(buffer_string(&text));
    if (code == NULL) {
        judge_silence(pg, buffer_string(&text), error);
    } else {
        char sqlstate[6] = {0};
        memcpy(sqlstate, code, 5);
        error_set_code(error, target_error_kind(sqlstate), sqlstate, "can't connect to PostgreSQL: %s",
                       buffer_string(&text));
        if (hint_of(sqlstate) != NULL)
            error_hint(error, "%s", hint_of(sqlstate));
        if (strcmp(sqlstate, POOLER_SQLSTATE) == 0 && location == NULL)
            judge_pooler(error);
    }
    buffer_release(&text);
    return false;
}
