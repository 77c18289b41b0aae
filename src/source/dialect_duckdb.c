/* DuckDB's SQL: https://duckdb.org/docs/stable/sql/introduction */
#include <ctype.h>
#include <string.h>

#include "source/dialect.h"

/* https://duckdb.org/docs/stable/sql/dialect/keywords_and_identifiers */
static void identifier(struct buffer *sql, const char *name) {
    dialect_quote(sql, name, '"');
}

/* Plain literals know no escapes but the doubled quote:
 * https://duckdb.org/docs/stable/sql/data_types/literal_types#string-literals */
static void text_literal(struct buffer *sql, const char *text) {
    dialect_quote(sql, text, '\'');
}

static bool is_type(const struct source_column *column, const char *prefix) {
    return strncmp(column->type_name, prefix, strlen(prefix)) == 0;
}

/* What Arrow has no faithful form for, as DuckDB fills it: UHUGEINT comes as a decimal that wraps into the negative, BIT and
 * BIGNUM in their internal bytes, TIME WITH TIME ZONE without its zone. As text they are what they are.
 * HUGEINT is exact: a decimal(38,0) whose 128 bits hold 39 digits too. */
static const char *const unfaithful[] = {"UHUGEINT", "BIT", "BIGNUM", "TIME WITH TIME ZONE"};
enum { UNFAITHFUL = sizeof unfaithful / sizeof *unfaithful };

static bool is_word(char character) {
    return isalnum((unsigned char)character) || character == '_';
}

/* The unfaithful type that stands at `at` of a type's name, as a word of its own; NULL: none. */
static const char *unfaithful_at(const char *type, const char *at) {
    if (at > type && is_word(at[-1]))
        return NULL;
    for (size_t i = 0; i < UNFAITHFUL; i++) {
        size_t length = strlen(unfaithful[i]);
        if (strncmp(at, unfaithful[i], length) == 0 && !is_word(at[length]))
            return unfaithful[i];
    }
    return NULL;
}

/* The same type with VARCHAR in the place of those: STRUCT(a BIT, b INTEGER[]) to STRUCT(a VARCHAR, b INTEGER[]). Names of
 * members and values of enums may stand in quotes. False: there was none of them. */
static bool replace_unfaithful(struct buffer *sql, const char *type) {
    bool found = false;
    char quote = '\0';
    for (const char *at = type; *at != '\0'; at++) {
        const char *name = quote == '\0' ? unfaithful_at(type, at) : NULL;
        /* A member may be called BIT: what follows it is a type then, and not the end of the member. */
        if (name != NULL && strchr(",)[", at[strlen(name)]) != NULL) {
            buffer_append(sql, "VARCHAR");
            at += strlen(name) - 1;
            found = true;
            continue;
        }
        if (quote != '\0')
            quote = *at == quote ? '\0' : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
        buffer_append_char(sql, *at);
    }
    return found;
}

/* Nanoseconds go to microseconds here, where infinity is still told from the last nanosecond that 64 bits count. */
static bool is_nanoseconds(const struct source_column *column) {
    return strcmp(column->type_name, "TIMESTAMP_NS") == 0;
}

static void cast_column(struct buffer *sql, const struct source_column *column, const char *type) {
    buffer_append(sql, "CAST(");
    identifier(sql, column->name);
    buffer_appendf(sql, " AS %s)", type);
}

/* CAST drops digits; where rounding is allowed it is to the nearest. Division is towards zero here, as in C. */
static void nearest_microsecond(struct buffer *sql, const struct source_column *column) {
    static const char *const parts[] = {"CASE WHEN isfinite(",
                                        ") THEN make_timestamp(epoch_ns(",
                                        ") // 1000 + CASE WHEN epoch_ns(",
                                        ") % 1000 >= 500 THEN 1 WHEN epoch_ns(",
                                        ") % 1000 < -500 THEN -1 ELSE 0 END) ELSE CAST(",
                                        " AS TIMESTAMP) END"};
    enum { PARTS = sizeof parts / sizeof *parts };
    for (size_t i = 0; i < PARTS; i++) {
        buffer_append(sql, parts[i]);
        if (i + 1 < PARTS)
            identifier(sql, column->name);
    }
}

static void projection(struct buffer *sql, const struct source_column *column) {
    struct buffer type = {0};
    bool cast = replace_unfaithful(&type, column->type_name);
    if (is_nanoseconds(column))
        nearest_microsecond(sql, column);
    else if (strcmp(column->type_name, "\"NULL\"") == 0) /* comes as an integer, which few types take */
        cast_column(sql, column, "VARCHAR");
    else if (cast)
        cast_column(sql, column, buffer_string(&type));
    else
        identifier(sql, column->name);
    buffer_release(&type);
}

static bool projection_is_inexact(struct buffer *sql, const struct source_column *column) {
    if (!is_nanoseconds(column))
        return false; /* the encoder judges what arrives as it is */
    buffer_append(sql, "CASE WHEN isfinite(");
    identifier(sql, column->name);
    buffer_append(sql, ") THEN epoch_ns(");
    identifier(sql, column->name);
    buffer_append(sql, ") % 1000 <> 0 END");
    return true;
}

/* TRY_CAST gives NULL where CAST fails: https://duckdb.org/docs/stable/sql/expressions/cast#try_cast */
static void key(struct buffer *sql, const struct source_column *column) {
    buffer_append(sql, column->as_number ? "TRY_CAST(" : "");
    identifier(sql, column->name);
    buffer_append(sql, column->as_number ? " AS DECIMAL(38,0))" : "");
}

/* hash() gives a UBIGINT, of NULL too; which one may change from version to version:
 * https://duckdb.org/docs/stable/sql/functions/utility#hashvalue */
static void hash_bucket(struct buffer *sql, const struct source_column *columns, size_t column_count, int64_t buckets) {
    buffer_append(sql, "hash(");
    dialect_columns(&dialect_duckdb, sql, columns, column_count);
    buffer_appendf(sql, ") %% CAST(%lld AS UBIGINT)", (long long)buckets);
}

/* CAST to VARCHAR is what CAST from VARCHAR reads, for every type that orders; timestamps with zone are written with the
 * offset of the session's zone, which is UTC: https://duckdb.org/docs/stable/sql/expressions/cast */
static void bound_text(struct buffer *sql, const struct source_column *column, const char *expression) {
    if (column->kind == VALUE_BINARY)
        buffer_appendf(sql, "hex(%s)", expression);
    else if (column->kind == VALUE_TEXT && !is_type(column, "ENUM(") && !column->as_number)
        buffer_append(sql, expression);
    else
        buffer_appendf(sql, "CAST(%s AS VARCHAR)", expression);
}

static void bound_value(struct buffer *sql, const struct source_column *column, const char *expression) {
    if (column->kind == VALUE_BINARY)
        buffer_appendf(sql, "unhex(%s)", expression);
    else if (column->kind == VALUE_TEXT && !is_type(column, "ENUM(") && !column->as_number)
        buffer_append(sql, expression);
    else
        buffer_appendf(sql, "CAST(%s AS %s)", expression, column->as_number ? "DECIMAL(38,0)" : column->type_name);
}

/* The catalogue functions: https://duckdb.org/docs/stable/sql/meta/duckdb_table_functions */
static void in_relation(struct buffer *sql, const struct source_relation *relation, bool name) {
    buffer_append(sql, " WHERE database_name = ");
    if (relation->database != NULL)
        text_literal(sql, relation->database);
    else
        buffer_append(sql, "current_database()");
    buffer_append(sql, " AND schema_name = ");
    if (relation->schema != NULL)
        text_literal(sql, relation->schema);
    else
        buffer_append(sql, "current_schema()");
    if (name) {
        buffer_append(sql, " AND table_name = ");
        text_literal(sql, relation->name);
    }
}

static void columns_query(struct buffer *sql, const struct source_relation *relation) {
    buffer_append(sql, "SELECT column_name AS \"name\", data_type AS \"type\", "
                       "CASE WHEN is_nullable THEN 'Y' ELSE 'N' END AS \"null?\", comment AS \"comment\" "
                       "FROM duckdb_columns()");
    in_relation(sql, relation, true);
    buffer_append(sql, " ORDER BY column_index");
}

static void key_query(struct buffer *sql, const struct source_relation *relation) {
    buffer_append(sql, "SELECT unnest(constraint_column_names) AS \"column_name\", "
                       "CAST(generate_subscripts(constraint_column_names, 1) AS VARCHAR) AS \"key_sequence\" "
                       "FROM duckdb_constraints()");
    in_relation(sql, relation, true);
    buffer_append(sql, " AND constraint_type = 'PRIMARY KEY' ORDER BY 2");
}

static void relations_query(struct buffer *sql, const struct source_relation *relation, bool all) {
    buffer_append(
        sql, "SELECT name AS \"name\", kind AS \"kind\", CAST(estimated_size AS VARCHAR) AS \"rows\", "
             "comment AS \"comment\" FROM ("
             "SELECT database_name, schema_name, table_name, table_name AS name, 'TABLE' AS kind, estimated_size, "
             "comment FROM duckdb_tables() UNION ALL "
             "SELECT database_name, schema_name, view_name, view_name, 'VIEW', NULL, comment FROM duckdb_views())");
    in_relation(sql, relation, !all);
    buffer_append(sql, " ORDER BY 1");
}

/* https://duckdb.org/docs/stable/sql/data_types/overview */
static const struct {
    const char *name;
    enum value_kind kind;
    int precision;
} types[] = {
    {"TINYINT", VALUE_INTEGER, 3},
    {"SMALLINT", VALUE_INTEGER, 5},
    {"INTEGER", VALUE_INTEGER, 10},
    {"BIGINT", VALUE_INTEGER, 19},
    {"HUGEINT", VALUE_INTEGER, 39},
    {"UTINYINT", VALUE_INTEGER, 3},
    {"USMALLINT", VALUE_INTEGER, 5},
    {"UINTEGER", VALUE_INTEGER, 10},
    {"UBIGINT", VALUE_INTEGER, 20},
    {"UHUGEINT", VALUE_INTEGER, 39},
    {"DECIMAL", VALUE_DECIMAL, 18},
    {"FLOAT", VALUE_FLOAT, 24},
    {"DOUBLE", VALUE_FLOAT, 53},
    {"BOOLEAN", VALUE_BOOL, 0},
    {"VARCHAR", VALUE_TEXT, 0},
    {"ENUM", VALUE_TEXT, 0},
    {"BLOB", VALUE_BINARY, 0},
    {"DATE", VALUE_DATE, 0},
    {"TIME", VALUE_TIME, 6},
    {"TIME_NS", VALUE_TIME, 9},
    {"TIMESTAMP", VALUE_TIMESTAMP, 6},
    {"TIMESTAMP_S", VALUE_TIMESTAMP, 0},
    {"TIMESTAMP_MS", VALUE_TIMESTAMP, 3},
    {"TIMESTAMP_NS", VALUE_TIMESTAMP, 9},
    {"TIMESTAMP WITH TIME ZONE", VALUE_INSTANT, 6},
    {"UUID", VALUE_UUID, 0},
    {"JSON", VALUE_JSON, 0},
};

static void classify(struct source_column *column) {
    char name[32];
    int64_t first, second;
    dialect_split_type(column->type_name, name, sizeof name, &first, &second);
    column->kind = VALUE_OTHER;
    column->precision = column->scale = 0;
    column->maximum_length = -1;
    size_t length = strlen(column->type_name);
    if (length > 0 && column->type_name[length - 1] == ']')
        return; /* a list or array, whatever its elements */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(name, types[i].name) == 0) {
            column->kind = types[i].kind;
            column->precision = types[i].precision;
        }
    if (column->kind == VALUE_DECIMAL) {
        column->precision = first >= 0 ? (int)first : 18;
        column->scale = first >= 0 ? (second >= 0 ? (int)second : 0) : 3;
    }
}

const struct dialect dialect_duckdb = {
    .name = "duckdb",
    .block_rows = 122880, /* https://duckdb.org/docs/stable/internals/storage (row groups) */
    .identifier = identifier,
    .text_literal = text_literal,
    .projection = projection,
    .projection_is_inexact = projection_is_inexact,
    .key = key,
    .hash_bucket = hash_bucket,
    .hash_probe = "CAST(hash('thaw', 38, NULL) AS VARCHAR)",
    .bound_text = bound_text,
    .bound_value = bound_value,
    .columns_query = columns_query,
    .key_query = key_query,
    .relations_query = relations_query,
    .classify = classify,
    .clock_query = "SELECT CAST(NULL AS VARCHAR) AS \"moment\", CAST(CURRENT_DATE AS VARCHAR) AS \"day\"",
};
