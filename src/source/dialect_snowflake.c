/* Snowflake's SQL. Each construct names its page of the documentation. */
#include <string.h>

#include "source/dialect.h"

/* https://docs.snowflake.com/en/sql-reference/identifiers-syntax (double-quoted identifiers are exact) */
static void identifier(struct buffer *sql, const char *name) {
    dialect_quote(sql, name, '"');
}

/* https://docs.snowflake.com/en/sql-reference/data-types-text (single-quoted string constants: the backslash escapes) */
static void text_literal(struct buffer *sql, const char *text) {
    buffer_append_char(sql, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            buffer_append_char(sql, *text == '\'' ? '\'' : '\\');
        buffer_append_char(sql, *text);
    }
    buffer_append_char(sql, '\'');
}

/* Timestamps travel at scale 6, PostgreSQL's own: the driver's arithmetic is right there, and nanoseconds would wrap outside
 * 1677-2262. Instants become TIMESTAMP_LTZ, which keeps the moment and drops the zone that it was written in; the session's
 * zone is UTC: https://docs.snowflake.com/en/sql-reference/data-types-datetime (TIMESTAMP_LTZ, TIMESTAMP_NTZ, TIMESTAMP_TZ) */
static const char *timestamp_cast(const struct source_column *column) {
    if (column->kind == VALUE_TIMESTAMP)
        return column->precision == 6 ? NULL : "TIMESTAMP_NTZ(6)";
    if (column->kind == VALUE_INSTANT)
        return column->precision == 6 && strncmp(column->type_name, "TIMESTAMP_LTZ", 13) == 0 ? NULL
                                                                                              : "TIMESTAMP_LTZ(6)";
    return NULL;
}

/* TIME goes by its unit in Arrow, of which there is none for these scales; more digits lose nothing:
 * https://docs.snowflake.com/en/sql-reference/data-types-datetime (TIME) */
static bool time_needs_cast(const struct source_column *column) {
    return column->kind == VALUE_TIME && column->precision != 6 && column->precision != 9;
}

/* https://docs.snowflake.com/en/sql-reference/functions/cast (the :: operator) */
static void projection(struct buffer *sql, const struct source_column *column) {
    identifier(sql, column->name);
    const char *type = time_needs_cast(column) ? "TIME(9)" : timestamp_cast(column);
    if (type != NULL)
        buffer_appendf(sql, "::%s", type);
}

static bool projection_is_inexact(struct buffer *sql, const struct source_column *column) {
    const char *type = timestamp_cast(column);
    if (type == NULL || column->precision <= 6)
        return false;
    identifier(sql, column->name);
    buffer_append(sql, " <> ");
    identifier(sql, column->name);
    buffer_appendf(sql, "::%s", type);
    return true;
}

/* https://docs.snowflake.com/en/sql-reference/functions/try_to_decimal (NULL where the text is no number, or one of too many
 * digits) */
static void key(struct buffer *sql, const struct source_column *column) {
    buffer_append(sql, column->as_number ? "TRY_TO_NUMBER(" : "");
    identifier(sql, column->name);
    buffer_append(sql, column->as_number ? ", 38, 0)" : "");
}

/* HASH is signed and never NULL: https://docs.snowflake.com/en/sql-reference/functions/hash
 * The remainder of a negative number is negative: https://docs.snowflake.com/en/sql-reference/functions/mod
 * ABS comes after MOD, so that it never meets the least number of 64 bits, and each bucket but 0 gets two remainders of half
 * the rows each: https://docs.snowflake.com/en/sql-reference/functions/abs */
static void hash_bucket(struct buffer *sql, const struct source_column *columns, size_t column_count, int64_t buckets) {
    buffer_append(sql, "ABS(MOD(HASH(");
    dialect_columns(&dialect_snowflake, sql, columns, column_count);
    buffer_appendf(sql, "), %lld))", (long long)buckets);
}

/* Formats are spelled out, so that no session parameter decides:
 * https://docs.snowflake.com/en/sql-reference/functions/to_char
 * https://docs.snowflake.com/en/sql-reference/date-time-input-output (format elements)
 * https://docs.snowflake.com/en/sql-reference/functions/convert_timezone (two arguments: the result is TIMESTAMP_TZ) */
static void bound_text(struct buffer *sql, const struct source_column *column, const char *expression) {
    switch (column->kind) {
    case VALUE_DATE:
        buffer_appendf(sql, "TO_VARCHAR(%s, 'YYYY-MM-DD')", expression);
        return;
    case VALUE_TIME:
        buffer_appendf(sql, "TO_VARCHAR(%s, 'HH24:MI:SS.FF9')", expression);
        return;
    case VALUE_TIMESTAMP:
        buffer_appendf(sql, "TO_VARCHAR(%s, 'YYYY-MM-DD HH24:MI:SS.FF9')", expression);
        return;
    case VALUE_INSTANT: /* the session's zone is UTC, verified at connect */
        buffer_appendf(sql, "(TO_VARCHAR(%s::TIMESTAMP_LTZ(9), 'YYYY-MM-DD HH24:MI:SS.FF9') || ' +00:00')", expression);
        return;
    case VALUE_BINARY: /* https://docs.snowflake.com/en/sql-reference/functions/hex_encode */
        buffer_appendf(sql, "HEX_ENCODE(%s)", expression);
        return;
    case VALUE_TEXT:
        if (column->as_number)
            buffer_appendf(sql, "TO_VARCHAR(%s)", expression);
        else
            buffer_append(sql, expression);
        return;
    default:
        buffer_appendf(sql, "TO_VARCHAR(%s)", expression);
        return;
    }
}

/* https://docs.snowflake.com/en/sql-reference/data-type-conversion (casting text to the type of a column) */
static void bound_value(struct buffer *sql, const struct source_column *column, const char *expression) {
    if (column->as_number)
        buffer_appendf(sql, "%s::NUMBER(38,0)", expression);
    else if (column->kind == VALUE_TEXT)
        buffer_append(sql, expression);
    else if (column->kind == VALUE_BINARY) /* https://docs.snowflake.com/en/sql-reference/functions/to_binary */
        buffer_appendf(sql, "TO_BINARY(%s, 'HEX')", expression);
    else
        buffer_appendf(sql, "%s::%s", expression, column->type_name);
}

/* https://docs.snowflake.com/en/sql-reference/sql/desc-table: needs no warehouse and only some privilege on the table, works
 * for views, and gives types with their precision, which INFORMATION_SCHEMA doesn't for dates and times. */
static void columns_query(struct buffer *sql, const struct source_relation *relation) {
    buffer_append(sql, "DESCRIBE TABLE ");
    dialect_relation(&dialect_snowflake, sql, relation);
}

/* https://docs.snowflake.com/en/sql-reference/sql/show-primary-keys */
static void key_query(struct buffer *sql, const struct source_relation *relation) {
    buffer_append(sql, "SHOW PRIMARY KEYS IN TABLE ");
    dialect_relation(&dialect_snowflake, sql, relation);
}

/* https://docs.snowflake.com/en/sql-reference/info-schema/tables (TABLE_TYPE: BASE TABLE, VIEW, MATERIALIZED VIEW, ...;
 * ROW_COUNT: NULL for views and external tables) */
static void relations_query(struct buffer *sql, const struct source_relation *relation, bool all) {
    buffer_append(sql, "SELECT table_name AS \"name\", table_type AS \"kind\", TO_VARCHAR(row_count) AS \"rows\", "
                       "comment AS \"comment\" FROM ");
    if (relation->database != NULL) {
        identifier(sql, relation->database);
        buffer_append_char(sql, '.');
    }
    buffer_append(sql, "INFORMATION_SCHEMA.TABLES WHERE table_schema = ");
    if (relation->schema != NULL)
        text_literal(sql, relation->schema);
    else
        buffer_append(sql, "CURRENT_SCHEMA()");
    if (!all) {
        buffer_append(sql, " AND table_name = ");
        text_literal(sql, relation->name);
    }
    buffer_append(sql, " ORDER BY 1");
}

/* https://docs.snowflake.com/en/sql-reference/intro-summary-data-types. DESCRIBE spells synonyms out as these. */
static const struct {
    const char *name;
    enum value_kind kind;
    int precision; /* where none is spelled out */
} types[] = {
    {"NUMBER", VALUE_DECIMAL, 38},
    {"DECIMAL", VALUE_DECIMAL, 38},
    {"FLOAT", VALUE_FLOAT, 53},
    {"DOUBLE", VALUE_FLOAT, 53},
    {"REAL", VALUE_FLOAT, 53},
    {"VARCHAR", VALUE_TEXT, 0},
    {"TEXT", VALUE_TEXT, 0},
    {"CHAR", VALUE_TEXT, 0},
    {"BINARY", VALUE_BINARY, 0},
    {"BOOLEAN", VALUE_BOOL, 0},
    {"DATE", VALUE_DATE, 0},
    {"TIME", VALUE_TIME, 9},
    {"TIMESTAMP_NTZ", VALUE_TIMESTAMP, 9},
    {"TIMESTAMP_LTZ", VALUE_INSTANT, 9},
    {"TIMESTAMP_TZ", VALUE_INSTANT, 9},
    {"UUID", VALUE_UUID, 0},
    {"VARIANT", VALUE_JSON, 0},
    {"OBJECT", VALUE_JSON, 0},
    {"ARRAY", VALUE_JSON, 0},
};

static void classify(struct source_column *column) {
    char name[32];
    int64_t first, second;
    dialect_split_type(column->type_name, name, sizeof name, &first, &second);
    column->kind = VALUE_OTHER;
    column->precision = column->scale = 0;
    column->maximum_length = -1;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(name, types[i].name) == 0) {
            column->kind = types[i].kind;
            column->precision = types[i].precision;
        }
    switch (column->kind) {
    case VALUE_DECIMAL:
        if (first >= 0)
            column->precision = (int)first;
        if (second > 0)
            column->scale = (int)second;
        if (column->scale == 0)
            column->kind = VALUE_INTEGER;
        break;
    case VALUE_TIME:
    case VALUE_TIMESTAMP:
    case VALUE_INSTANT:
        if (first >= 0)
            column->precision = (int)first;
        break;
    case VALUE_TEXT:
    case VALUE_BINARY:
        column->maximum_length = first;
        break;
    default:
        break;
    }
}

/* https://docs.snowflake.com/en/sql-reference/constructs/at-before: a constant expression; the zone is spelled out, since
 * without one it would be UTC for TIMESTAMP_NTZ and the session's for others. */
static void at_moment(struct buffer *sql, const char *moment) {
    buffer_append(sql, " AT (TIMESTAMP => ");
    text_literal(sql, moment);
    buffer_append(sql, "::TIMESTAMP_TZ)");
}

/* Error 000707, SQLSTATE 02000. Of a table that was replaced or made again it is the same: the new one has no past. */
static bool moment_is_lost(const struct error *error) {
    return strstr(error->message, "Time travel data is not available") != NULL;
}

const struct dialect dialect_snowflake = {
    .name = "snowflake",
    .identifier = identifier,
    .text_literal = text_literal,
    .projection = projection,
    .projection_is_inexact = projection_is_inexact,
    .key = key,
    .hash_bucket = hash_bucket,
    .hash_probe = "TO_VARCHAR(HASH('thaw', 38, NULL))",
    .bound_text = bound_text,
    .bound_value = bound_value,
    .columns_query = columns_query,
    .key_query = key_query,
    .relations_query = relations_query,
    .classify = classify,
    /* https://docs.snowflake.com/en/sql-reference/functions/current_timestamp; AT resolves milliseconds, so nothing that this
     * cuts off could be told apart, and whatever happened within that millisecond is over before the next query. */
    .clock_query = "SELECT TO_VARCHAR(CURRENT_TIMESTAMP()::TIMESTAMP_LTZ(3), 'YYYY-MM-DD HH24:MI:SS.FF9') || ' +00:00' "
                   "AS \"moment\", "
                   "TO_VARCHAR(CURRENT_DATE(), 'YYYY-MM-DD') AS \"day\"",
    .at_moment = at_moment,
    .moment_is_lost = moment_is_lost,
};
