/* What a driver's error means. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "source/driver.h"

/* Codes of the Snowflake service and of its Go driver that decide by themselves.
 * Log-in and session: https://docs.snowflake.com/en/user-guide/key-pair-auth-troubleshooting and
 * https://github.com/snowflakedb/gosnowflake/blob/master/errors.go (2600xx: settings, 2610xx: transport, 2620xx: chunks). */
static const struct {
    int first, last;
    enum error_kind kind;
} vendor_codes[] = {
    {390111, 390112, ERROR_TRANSIENT}, /* session gone or expired: a new log-in is a new session */
    {390114, 390115, ERROR_TRANSIENT}, /* its token expired */
    {390189, 390189, ERROR_CONFIG},    /* the role doesn't exist or isn't granted */
    {390190, 390191, ERROR_AUTH},      {390201, 390201, ERROR_CONFIG}, /* the database, schema or warehouse of the log-in */
    {390100, 390499, ERROR_AUTH},                                      /* user, password, key, token, network policy */
    {394300, 394399, ERROR_AUTH},                                      /* JWT refused */
    {395000, 395099, ERROR_AUTH},      {604, 604, ERROR_TRANSIENT}, /* cancelled by somebody */
    {603, 603, ERROR_TRANSIENT},                                    /* incident in the service */
    {625, 625, ERROR_TRANSIENT},                                    /* queued for too long */
    {630, 630, ERROR_CONFIG},   /* STATEMENT_TIMEOUT_IN_SECONDS reached: it would be again */
    {606, 606, ERROR_CONFIG},   /* no warehouse */
    {666, 666, ERROR_CONFIG},   /* the trial has ended, and all warehouses with it; its SQLSTATE is that of a cancel */
    {1003, 1003, ERROR_CONFIG}, /* syntax: a filter */
    {2003, 2003, ERROR_CONFIG}, /* no such object, or no privilege to see it */
    {3001, 3001, ERROR_CONFIG}, /* no privilege */
    {90073, 90073, ERROR_CONFIG}, /* resource monitor suspended the warehouse */
    {260007, 260008, ERROR_TRANSIENT}, {260000, 260099, ERROR_CONFIG}, {261000, 261099, ERROR_TRANSIENT},
    {262000, 262099, ERROR_TRANSIENT},
};

/* The first words of a message, for drivers that give nothing else. DuckDB:
 * https://duckdb.org/docs/stable/dev/error_messages (the class of the exception comes first). */
static const struct {
    const char *text;
    enum error_kind kind;
} words[] = {
    {"Out of Memory Error", ERROR_TRANSIENT},
    {"INTERRUPT Error", ERROR_STOPPED},
    {"Interrupted", ERROR_STOPPED},
    {"Conversion Error", ERROR_DATA},
    {"Invalid Input Error", ERROR_DATA},
    {"Out of Range Error", ERROR_DATA},
    {"Catalog Error", ERROR_CONFIG},
    {"Binder Error", ERROR_CONFIG},
    {"Parser Error", ERROR_CONFIG},
    {"Permission Error", ERROR_CONFIG},
    {"Invalid Configuration Error", ERROR_CONFIG},
    {"database does not exist", ERROR_CONFIG},
    {"Cannot open file", ERROR_CONFIG},
    {"No files found", ERROR_CONFIG},
    {"No such file", ERROR_CONFIG},
    {"Could not set lock on file", ERROR_TRANSIENT},
    {"database file", ERROR_CONFIG},
    {"IO Error", ERROR_TRANSIENT},
    /* Transport errors of the Go driver: https://pkg.go.dev/net/http */
    {"context canceled", ERROR_STOPPED},
    {"connection refused", ERROR_TRANSIENT},
    {"connection reset", ERROR_TRANSIENT},
    {"broken pipe", ERROR_TRANSIENT},
    {"no such host", ERROR_TRANSIENT},
    {"i/o timeout", ERROR_TRANSIENT},
    {"timeout", ERROR_TRANSIENT},
    {"deadline exceeded", ERROR_TRANSIENT},
    {"EOF", ERROR_TRANSIENT},
    {"TLS handshake", ERROR_TRANSIENT},
    {"x509:", ERROR_CONFIG},
    {"HTTP", ERROR_TRANSIENT},
    {"failed to get chunk", ERROR_TRANSIENT},
    {"arrow/ipc", ERROR_TRANSIENT}, /* a chunk that broke off */
    {"private key", ERROR_AUTH},
};

static bool kind_by_sqlstate(const char *sqlstate, enum error_kind *kind) {
    static const struct {
        const char *prefix;
        enum error_kind kind;
    } classes[] = {
        {"08004", ERROR_AUTH}, /* connection rejected: what Snowflake answers to a wrong password */
        {"08", ERROR_TRANSIENT}, {"57014", ERROR_TRANSIENT}, {"57P03", ERROR_CONFIG}, {"57", ERROR_TRANSIENT},
        {"40", ERROR_TRANSIENT}, {"53", ERROR_TRANSIENT},    {"22", ERROR_DATA},      {"23", ERROR_DATA},
        {"28", ERROR_AUTH},      {"02000", ERROR_CONFIG},    {"42", ERROR_CONFIG},    {"3D", ERROR_CONFIG},
        {"3F", ERROR_CONFIG},    {"HYT", ERROR_TRANSIENT},   {"0A", ERROR_CONFIG},    {"P0000", ERROR_CONFIG},
    };
    for (size_t i = 0; sqlstate[0] != '\0' && i < sizeof classes / sizeof *classes; i++)
        if (strncmp(sqlstate, classes[i].prefix, strlen(classes[i].prefix)) == 0) {
            *kind = classes[i].kind;
            return true;
        }
    return false;
}

static bool kind_by_status(AdbcStatusCode status, enum error_kind *kind) {
    switch (status) {
    case ADBC_STATUS_CANCELLED:
        *kind = ERROR_STOPPED;
        return true;
    case ADBC_STATUS_TIMEOUT:
        *kind = ERROR_TRANSIENT;
        return true;
    case ADBC_STATUS_UNAUTHENTICATED:
        *kind = ERROR_AUTH;
        return true;
    case ADBC_STATUS_UNAUTHORIZED:
    case ADBC_STATUS_NOT_FOUND:
    case ADBC_STATUS_NOT_IMPLEMENTED:
        *kind = ERROR_CONFIG;
        return true;
    default: /* IO, INTERNAL, INVALID_ARGUMENT, ...: drivers use them for nearly anything, so the words come first */
        return false;
    }
}

enum error_kind driver_error_kind(AdbcStatusCode status, int vendor_code, const char *sqlstate, const char *message) {
    enum error_kind kind;
    for (size_t i = 0; vendor_code != 0 && i < sizeof vendor_codes / sizeof *vendor_codes; i++)
        if (vendor_code >= vendor_codes[i].first && vendor_code <= vendor_codes[i].last)
            return vendor_codes[i].kind;
    if (kind_by_sqlstate(sqlstate, &kind) || kind_by_status(status, &kind))
        return kind;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(message, words[i].text) != NULL)
            return words[i].kind;
    if (status == ADBC_STATUS_IO)
        return ERROR_TRANSIENT;
    return status == ADBC_STATUS_INVALID_ARGUMENT ? ERROR_CONFIG : ERROR_INTERNAL;
}

/* What Snowflake says where a log-in or an account is at fault in a way of its own. Its words, since more than one code goes with
 * them (390913 and 666 for an account that isn't paid for). */
static const struct {
    const char *words;
    const char *hint;
} refusals[] = {
    {"password has expired",
     "change the user's password, or let it log in with rsa_key or token, which don't expire with it"},
    {"temporarily locked",
     "wait a quarter of an hour, or have an administrator of the account unlock the user; another attempt with the "
     "same password locks it again"},
    {"access disabled", "an administrator of the account has to enable the user"},
    {"not allowed to access Snowflake",
     "the network policy of account or user must allow the address with which this machine goes out"},
    {"Multi-factor authentication is required",
     "let the user log in with rsa_key or token, which ask nobody for a second factor"},
    {"free trial has ended", "the account has to be paid for before its warehouses work again"},
    {"lack of payment method", "the account has to be paid for before its warehouses work again"},
    {"exceeded its quota", "raise the quota of the resource monitor, or name another \"warehouse\""},
};

static const char *hint_for(enum error_kind kind, int vendor_code, const char *message) {
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strstr(message, refusals[i].words) != NULL)
            return refusals[i].hint;
    if (vendor_code == 606)
        return "give a \"warehouse\" that the role may use";
    if (vendor_code == 630)
        return "raise STATEMENT_TIMEOUT_IN_SECONDS for the user or the warehouse, or make the chunks smaller";
    if (vendor_code == 390189)
        return "grant the role to the user, or correct \"role\"";
    if (vendor_code == 390201)
        return "check warehouse, database and schema, upper and lower case included, and what the role is granted";
    if (kind == ERROR_AUTH)
        return "check user, account and key, password or token of the source";
    if (vendor_code == 2003 || vendor_code == 3001)
        return "check the name, its upper and lower case included, and what the role is granted";
    return NULL;
}

bool driver_failure(struct AdbcError *adbc, AdbcStatusCode status, const char *doing, struct error *error) {
    char code[sizeof adbc->sqlstate + 1] = "", vendor[sizeof error->code] = "";
    bool has_sqlstate =
        isalnum((unsigned char)adbc->sqlstate[0]) && memchr(adbc->sqlstate, '\0', sizeof adbc->sqlstate) == NULL;
    if (has_sqlstate)
        memcpy(code, adbc->sqlstate, sizeof adbc->sqlstate);
    int vendor_code = adbc->vendor_code == ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA ? 0 : adbc->vendor_code;
    if (vendor_code != 0)
        snprintf(vendor, sizeof vendor, "%d", vendor_code);
    const char *message =
        adbc->message != NULL && adbc->message[0] != '\0' ? adbc->message : "the driver gave no reason";
    enum error_kind kind = driver_error_kind(status, vendor_code, code, message);
    error_set_code(error, kind, code[0] != '\0' ? code : vendor, "%s: %s", doing, message);
    if (vendor[0] != '\0' && code[0] != '\0' && strstr(message, vendor) == NULL)
        error_set_code(error, kind, code, "%s: %s (%s)", doing, message, vendor);
    const char *hint = hint_for(kind, vendor_code, message);
    if (hint != NULL)
        error_hint(error, "%s", hint);
    if (adbc->release != NULL)
        adbc->release(adbc);
    memset(adbc, 0, sizeof *adbc);
    return false;
}
