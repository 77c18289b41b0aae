#include "target/create.h"

#include <string.h>

#include "base/memory.h"
#include "encode/pg_types.h"

enum {
    NAME_BYTES = 63,           /* NAMEDATALEN - 1: PostgreSQL cuts what is longer */
    VARYING_HEADER = 4,        /* counted into the modifier of numeric(p,s) and varchar(n) */
    VARCHAR_LIMIT = 10485760,  /* https://www.postgresql.org/docs/current/datatype-character.html */
    FRACTION_DIGITS = 6,       /* of a second, in every type of PostgreSQL */
    SINGLE_PRECISION_BITS = 24 /* of a float's mantissa */
};

/* ---- types -------------------------------------------------------------------------------------------------------- */

/* Names and OIDs: src/include/catalog/pg_type.dat */
static const struct pg_name {
    const char *name;
    uint32_t oid, array_oid;
} pg_names[] = {
    {"boolean", PG_BOOL, 1000},
    {"smallint", PG_INT2, 1005},
    {"integer", PG_INT4, 1007},
    {"bigint", PG_INT8, 1016},
    {"numeric", PG_NUMERIC, 1231},
    {"real", PG_FLOAT4, 1021},
    {"double precision", PG_FLOAT8, 1022},
    {"text", PG_TEXT, 1009},
    {"varchar", PG_VARCHAR, 1015},
    {"bytea", PG_BYTEA, 1001},
    {"date", PG_DATE, 1182},
    {"time", PG_TIME, 1183},
    {"time with time zone", PG_TIMETZ, 1270},
    {"timestamp", PG_TIMESTAMP, 1115},
    {"timestamp with time zone", PG_TIMESTAMPTZ, 1185},
    {"interval", PG_INTERVAL, 1187},
    {"uuid", PG_UUID, 2951},
    {"jsonb", PG_JSONB, 3807},
    {"bit varying", PG_VARBIT, 1563},
};

/* Types that go by their name, whatever the dialect's kind for them: DuckDB's integers have the ranges of PostgreSQL's or
 * a bit less than the next one's. A STRUCT, a MAP and a list of them is JSON; so are GEOGRAPHY and GEOMETRY, which Snowflake
 * gives as GeoJSON. */
static const struct {
    const char *dialect, *name;
    uint32_t oid;
    int digits; /* of a numeric; 0: without a modifier */
} by_name[] = {
    {"duckdb", "TINYINT", PG_INT2, 0},       {"duckdb", "UTINYINT", PG_INT2, 0},
    {"duckdb", "SMALLINT", PG_INT2, 0},      {"duckdb", "USMALLINT", PG_INT4, 0},
    {"duckdb", "INTEGER", PG_INT4, 0},       {"duckdb", "UINTEGER", PG_INT8, 0},
    {"duckdb", "BIGINT", PG_INT8, 0},        {"duckdb", "UBIGINT", PG_NUMERIC, 20},
    {"duckdb", "HUGEINT", PG_NUMERIC, 39},   {"duckdb", "UHUGEINT", PG_NUMERIC, 39},
    {"duckdb", "BIGNUM", PG_NUMERIC, 0},     {"duckdb", "BIT", PG_VARBIT, 0},
    {"duckdb", "INTERVAL", PG_INTERVAL, 0},  {"duckdb", "TIME WITH TIME ZONE", PG_TIMETZ, 0},
    {"duckdb", "STRUCT", PG_JSONB, 0},       {"duckdb", "MAP", PG_JSONB, 0},
    {"duckdb", "\"NULL\"", PG_TEXT, 0},      {"snowflake", "MAP", PG_JSONB, 0},
    {"snowflake", "GEOGRAPHY", PG_JSONB, 0}, {"snowflake", "GEOMETRY", PG_JSONB, 0},
};

struct chosen {
    uint32_t oid;      /* 0: none */
    int first, second; /* numbers in brackets behind the name; -1: absent */
};

static struct chosen plain(uint32_t oid) {
    return (struct chosen){oid, -1, -1};
}

static struct chosen numeric(int precision, int scale) {
    return (struct chosen){PG_NUMERIC, precision, scale};
}

/* Nine digits fit into an integer, eighteen into a bigint. Fewer than five would fit into a smallint, whose sums and products
 * overflow at once, and which saves nothing in most rows: values are aligned. */
static struct chosen whole_number(int digits) {
    return digits <= 9 ? plain(PG_INT4) : digits <= 18 ? plain(PG_INT8) : numeric(digits, 0);
}

/* A second's digits as in the source; six, which is what the type has without a number, where that has more. */
static struct chosen with_fraction(uint32_t oid, int digits) {
    return (struct chosen){oid, digits < FRACTION_DIGITS ? digits : -1, -1};
}

static struct chosen choose_by_name(const struct dialect *dialect, const struct source_column *column) {
    char name[32];
    int64_t first, second;
    dialect_split_type(column->type_name, name, sizeof name, &first, &second);
    for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
        if (strcmp(by_name[i].dialect, dialect->name) == 0 && strcmp(by_name[i].name, name) == 0)
            return by_name[i].digits > 0 ? numeric(by_name[i].digits, 0) : plain(by_name[i].oid);
    return plain(0);
}

static struct chosen choose_by_kind(const struct source_column *column, bool lengths) {
    switch (column->kind) {
    case VALUE_INTEGER:
        return whole_number(column->precision);
    case VALUE_DECIMAL:
        return column->scale == 0 ? whole_number(column->precision) : numeric(column->precision, column->scale);
    case VALUE_FLOAT:
        return plain(column->precision <= SINGLE_PRECISION_BITS ? PG_FLOAT4 : PG_FLOAT8);
    case VALUE_BOOL:
        return plain(PG_BOOL);
    case VALUE_TEXT:
        if (lengths && column->maximum_length > 0 && column->maximum_length <= VARCHAR_LIMIT)
            return (struct chosen){PG_VARCHAR, (int)column->maximum_length, -1};
        return plain(PG_TEXT);
    case VALUE_BINARY:
        return plain(PG_BYTEA);
    case VALUE_DATE:
        return plain(PG_DATE);
    case VALUE_TIME:
        return with_fraction(PG_TIME, column->precision);
    case VALUE_TIMESTAMP:
        return with_fraction(PG_TIMESTAMP, column->precision);
    case VALUE_INSTANT:
        return with_fraction(PG_TIMESTAMPTZ, column->precision);
    case VALUE_UUID:
        return plain(PG_UUID);
    case VALUE_JSON:
        return plain(PG_JSONB);
    case VALUE_OTHER:
        break;
    }
    return plain(0);
}

static struct chosen choose(const struct dialect *dialect, const struct source_column *column, bool lengths) {
    struct chosen chosen = choose_by_name(dialect, column);
    return chosen.oid != 0 ? chosen : choose_by_kind(column, lengths);
}

/* The type of a list's or array's elements: what stands before the last bracket. NULL: it is no list. Allocated. */
static char *element_type(const char *type_name) {
    size_t length = strlen(type_name);
    const char *open = strrchr(type_name, '[');
    if (length == 0 || type_name[length - 1] != ']' || open == NULL)
        return NULL;
    return memory_copy_bytes(type_name, (size_t)(open - type_name));
}

/* What an array is made of: the elements' type, text where they are read as text. None where they are nested themselves, or
 * have no type here: the list becomes JSON then. */
static struct chosen choose_element(const struct dialect *dialect, char *type_name) {
    struct source_column element = {.type_name = type_name};
    char *inner = element_type(type_name);
    bool nested = inner != NULL;
    memory_release(&inner);
    dialect->classify(&element);
    struct chosen chosen = choose(dialect, &element, false);
    if (nested || (chosen.oid == PG_JSONB && element.kind == VALUE_OTHER))
        return plain(0);
    if (chosen.oid == PG_VARBIT || chosen.oid == PG_TIMETZ || strcmp(type_name, "UHUGEINT") == 0 ||
        strcmp(type_name, "BIGNUM") == 0)
        return plain(PG_TEXT);
    return chosen;
}

static int32_t modifier_of(const struct chosen *chosen) {
    if (chosen->first < 0)
        return -1;
    if (chosen->oid == PG_NUMERIC)
        return (int32_t)(((uint32_t)chosen->first << 16 | (uint32_t)chosen->second) + VARYING_HEADER);
    return chosen->oid == PG_VARCHAR ? chosen->first + VARYING_HEADER : chosen->first;
}

static const struct pg_name *named(uint32_t oid) {
    for (size_t i = 0; i < sizeof pg_names / sizeof *pg_names; i++)
        if (pg_names[i].oid == oid)
            return &pg_names[i];
    return NULL;
}

/* The name with its numbers, which stand before "with time zone": timestamp(3) with time zone. */
static void append_type(struct buffer *text, const struct chosen *chosen) {
    const char *name = named(chosen->oid)->name;
    const char *rest = strstr(name, " with ");
    buffer_append_bytes(text, name, rest == NULL ? strlen(name) : (size_t)(rest - name));
    if (chosen->first >= 0 && chosen->second >= 0)
        buffer_appendf(text, "(%d,%d)", chosen->first, chosen->second);
    else if (chosen->first >= 0)
        buffer_appendf(text, "(%d)", chosen->first);
    buffer_append(text, rest == NULL ? "" : rest);
}

bool create_type(struct encode_target *target, const struct dialect *dialect, const struct source_column *column,
                 bool lengths) {
    struct buffer name = {0};
    char *element = strcmp(dialect->name, "duckdb") == 0 ? element_type(column->type_name) : NULL;
    struct chosen chosen = element == NULL ? choose(dialect, column, lengths) : choose_element(dialect, element);
    bool array = element != NULL && chosen.oid != 0;
    if (element != NULL && !array)
        chosen = plain(PG_JSONB);
    memory_release(&element);
    *target = (struct encode_target){.type_oid = chosen.oid, .type_modifier = modifier_of(&chosen)};
    if (chosen.oid == 0)
        return false;
    append_type(&name, &chosen);
    if (array) {
        buffer_append(&name, "[]");
        target->array = true;
        target->element_oid = target->element_type_oid = chosen.oid;
        target->element_modifier = target->type_modifier;
        target->type_oid = named(chosen.oid)->array_oid;
    }
    target->type_name = buffer_steal(&name);
    return true;
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

const char *create_column_name(const struct config_table *config, const char *source_name) {
    for (size_t i = 0; i < config->column_mapping_count; i++)
        if (strcmp(config->column_mapping[i].name, source_name) == 0)
            return config->column_mapping[i].value;
    return source_name;
}

static void append_listed(struct buffer *list, const char *name, const char *type) {
    buffer_appendf(list, "%s\"%s\"", list->length > 0 ? ", " : "", name);
    if (type != NULL)
        buffer_appendf(list, " (%s)", type);
}

static bool refuse_types(const struct buffer *untyped, struct error *error) {
    error_set(error, ERROR_CONFIG, "no type of PostgreSQL is known for these columns of the source: %s",
              buffer_string(untyped));
    return error_hint(error, "cast them in a view of the source, or make the target table yourself");
}

static bool refuse_names(const struct buffer *too_long, struct error *error) {
    error_set(error, ERROR_CONFIG, "PostgreSQL's names have at most %d bytes, these columns have longer ones: %s",
              NAME_BYTES, buffer_string(too_long));
    return error_hint(error, "give them shorter names in column_mapping");
}

static bool check_key(const struct target_table *table, const struct config_table *config, struct error *error) {
    for (size_t i = 0; i < config->uniqueness_column_count; i++)
        if (target_column_find(table, config->uniqueness_columns[i]) < 0)
            return error_set(error, ERROR_CONFIG,
                             "uniqueness_columns names the target column \"%s\", which no source column goes into",
                             config->uniqueness_columns[i]);
    return true;
}

bool create_design(struct target_table *table, const struct source_table *source, const struct dialect *dialect,
                   const struct config_table *config, const char *schema, bool lengths, struct error *error) {
    struct buffer untyped = {0}, too_long = {0};
    *table = (struct target_table){.schema = memory_copy_string(schema),
                                   .name = memory_copy_string(config->target),
                                   .kind = 'r',
                                   .persistence = 'p',
                                   .columns = memory_array(source->column_count, sizeof *table->columns)};
    for (size_t i = 0; i < source->column_count; i++) {
        const struct source_column *from = &source->columns[i];
        const char *name = create_column_name(config, from->name);
        struct target_column *column = &table->columns[table->column_count];
        if (strlen(name) > NAME_BYTES)
            append_listed(&too_long, name, NULL);
        if (target_column_find(table, name) >= 0)
            continue; /* two into one: told when they are paired */
        if (!create_type(&column->encode, dialect, from, lengths)) {
            append_listed(&untyped, from->name, from->type_name);
            continue;
        }
        column->encode.name = memory_copy_string(name);
        column->not_null = !from->nullable && !source->is_view;
        table->column_count++;
    }
    bool good = (untyped.length == 0 || refuse_types(&untyped, error)) &&
                (too_long.length == 0 || refuse_names(&too_long, error)) && check_key(table, config, error);
    buffer_release(&untyped);
    buffer_release(&too_long);
    if (!good)
        target_table_release(table);
    return good;
}

/* ---- statements --------------------------------------------------------------------------------------------------- */

static bool key_is_not_null(const struct target_table *table, const struct config_table *config) {
    for (size_t i = 0; i < config->uniqueness_column_count; i++)
        if (!table->columns[target_column_find(table, config->uniqueness_columns[i])].not_null)
            return false;
    return config->uniqueness_column_count > 0;
}

static void append_key(struct buffer *sql, const struct config_table *config) {
    for (size_t i = 0; i < config->uniqueness_column_count; i++) {
        buffer_append(sql, i == 0 ? "(" : ", ");
        target_identifier(sql, config->uniqueness_columns[i]);
    }
    buffer_append_char(sql, ')');
}

void create_statement(struct buffer *sql, const struct target_table *table, const struct config_table *config) {
    bool primary = key_is_not_null(table, config);
    buffer_append(sql, "CREATE TABLE ");
    target_relation(sql, table->schema, table->name);
    buffer_append(sql, " (");
    for (size_t i = 0; i < table->column_count; i++) {
        const struct target_column *column = &table->columns[i];
        buffer_append(sql, i == 0 ? "\n    " : ",\n    ");
        target_identifier(sql, column->encode.name);
        buffer_appendf(sql, " %s%s", column->encode.type_name, column->not_null ? " NOT NULL" : "");
    }
    if (primary) {
        buffer_append(sql, ",\n    PRIMARY KEY ");
        append_key(sql, config);
    }
    buffer_append(sql, "\n);\n");
    if (primary || config->uniqueness_column_count == 0)
        return;
    buffer_append(sql, "CREATE UNIQUE INDEX ON ");
    target_relation(sql, table->schema, table->name);
    buffer_append_char(sql, ' ');
    append_key(sql, config);
    buffer_append(sql, ";\n");
}

static void append_comment(struct buffer *sql, const char *kind, const struct target_table *table, const char *column,
                           const char *comment) {
    buffer_appendf(sql, "COMMENT ON %s ", kind);
    target_relation(sql, table->schema, table->name);
    if (column != NULL) {
        buffer_append_char(sql, '.');
        target_identifier(sql, column);
    }
    buffer_append(sql, " IS ");
    target_literal(sql, comment);
    buffer_append(sql, ";\n");
}

void create_comments(struct buffer *sql, const struct target_table *table, const struct source_table *source,
                     const struct config_table *config) {
    if (source->comment != NULL)
        append_comment(sql, "TABLE", table, NULL, source->comment);
    for (size_t i = 0; i < source->column_count; i++)
        if (source->columns[i].comment != NULL)
            append_comment(sql, "COLUMN", table, create_column_name(config, source->columns[i].name),
                           source->columns[i].comment);
}
