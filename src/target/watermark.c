#include "target/watermark.h"

#include <string.h>

#include "base/memory.h"
#include "encode/pg_types.h"

enum { MICROSECOND_DIGITS = 6 };

static bool is_time(uint32_t type) {
    return type == PG_DATE || type == PG_TIMESTAMP || type == PG_TIMESTAMPTZ;
}

static bool is_float(uint32_t type) {
    return type == PG_FLOAT4 || type == PG_FLOAT8;
}

static bool is_whole(uint32_t type) {
    return type == PG_INT2 || type == PG_INT4 || type == PG_INT8;
}

bool target_watermark_fits(const struct source_column *source, const struct target_column *target) {
    uint32_t type = target->encode.type_oid;

    switch (source->kind) {
    case VALUE_INTEGER:
    case VALUE_DECIMAL:
        return is_whole(type) || is_float(type) || type == PG_NUMERIC;
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
    case VALUE_INSTANT:
        return is_time(type);
    default:
        return false;
    }
}

/* The scale of numeric(p,s), which may be negative: 11 bits with a sign, above a header of 4 bytes.
 * https://www.postgresql.org/docs/current/datatype-numeric.html; make_numeric_typmod() in src/backend/utils/adt/numeric.c */
static int numeric_scale(int32_t modifier) {
    return (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
}

/* Digits behind the point that a value of the target's type keeps. */
static int target_digits(const struct target_column *target, int source_digits) {
    int32_t modifier = target->encode.type_modifier;

    if (is_whole(target->encode.type_oid))
        return 0;
    if (target->encode.type_oid == PG_NUMERIC && modifier >= 0)
        return numeric_scale(modifier);
    return source_digits; /* floats, and numeric as it comes */
}

/* ---- numbers ----------------------------------------------------------------------------------------------------------- */

/* 10^-s is written out, and multiplied with: a quotient of numeric has only so many digits. */
static void append_number_floor(struct buffer *sql, const struct source_column *source,
                                const struct target_column *target) {
    int scale = source->kind == VALUE_DECIMAL ? source->scale : 0;

    buffer_appendf(sql,
                   "SELECT CASE WHEN base::text NOT IN ('NaN', 'Infinity', '-Infinity')"
                   " THEN (floor((base - 1e%d::numeric) * 1e%d::numeric) * 1e%d::numeric)::text END"
                   " FROM (SELECT CASE WHEN newest IS NOT NULL THEN least(newest%s::numeric, $1::numeric) END AS base",
                   -target_digits(target, scale), scale, -scale, is_float(target->encode.type_oid) ? "::text" : "");
}

/* ---- dates and timestamps ---------------------------------------------------------------------------------------------- */

static int time_digits(int digits) {
    return digits < 0 || digits > MICROSECOND_DIGITS ? MICROSECOND_DIGITS : digits;
}

static void append_unit(struct buffer *sql, bool is_date, int digits) {
    if (is_date)
        buffer_append(sql, "interval '1 day'");
    else
        buffer_appendf(sql, "interval '1 second' * 1e%d::float8", -time_digits(digits));
}

/* Text of a date or timestamp at any session's DateStyle; years before 1 and infinity have been put aside. */
static const char *time_format(const struct source_column *source) {
    return source->kind == VALUE_DATE      ? "YYYY-MM-DD"
           : source->kind == VALUE_INSTANT ? "YYYY-MM-DD HH24:MI:SS.US\"+00:00\""
                                           : "YYYY-MM-DD HH24:MI:SS.US";
}

/* Everything as wall clocks in UTC. date_bin() goes down to the source's resolution:
 * https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-BIN */
static void append_time_floor(struct buffer *sql, const struct source_column *source,
                              const struct target_column *target) {
    bool instant = target->encode.type_oid == PG_TIMESTAMPTZ;

    buffer_append(sql, "SELECT CASE WHEN isfinite(base) AND base >= '0002-01-01'::timestamp THEN to_char(date_bin(");
    append_unit(sql, source->kind == VALUE_DATE, source->precision);
    buffer_append(sql, ", base - ");
    append_unit(sql, target->encode.type_oid == PG_DATE, target->encode.type_modifier);
    buffer_appendf(sql,
                   ", '0001-01-01'::timestamp), '%s') END FROM (SELECT CASE WHEN newest IS NOT NULL"
                   " THEN least((newest%s)::timestamp, %s) END AS base",
                   time_format(source), instant ? " AT TIME ZONE 'UTC'" : "",
                   source->kind == VALUE_INSTANT ? "$1::timestamptz AT TIME ZONE 'UTC'" : "$1::timestamp");
}

/* ------------------------------------------------------------------------------------------------------------------------ */

bool target_watermark_floor(struct target_connection *connection, const struct target_table *table,
                            const struct target_column *target, const struct source_column *source, const char *ceiling,
                            char **floor, struct error *error) {
    struct buffer sql = {0};
    PGresult *result = NULL;

    *floor = NULL;
    /* DuckDB's way to write years before 1, which PostgreSQL doesn't read. */
    if (is_time(target->encode.type_oid) && strstr(ceiling, "BC") != NULL)
        return true;
    if (is_time(target->encode.type_oid))
        append_time_floor(&sql, source, target);
    else
        append_number_floor(&sql, source, target);
    buffer_append(&sql, " FROM (SELECT max(");
    target_identifier(&sql, target->encode.name);
    buffer_append(&sql, table->kind == 'p' ? ") AS newest FROM " : ") AS newest FROM ONLY ");
    target_relation(&sql, table->schema, table->name);
    buffer_append(&sql, ") AS present) AS lesser");
    bool done = target_query(connection, buffer_string(&sql), 1, &ceiling, &result, error);

    if (done && !PQgetisnull(result, 0, 0))
        *floor = memory_copy_string(PQgetvalue(result, 0, 0));
    PQclear(result);
    buffer_release(&sql);
    return done || error_context(error, "the floor of the watermark \"%s\"", target->encode.name);
}
