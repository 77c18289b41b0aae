/* What differs between the sources' SQL, and nothing else. Pure: text in, text out. */
#ifndef THAW_SOURCE_DIALECT_H
#define THAW_SOURCE_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* A table or view of the source. Names are exact. `database` may be NULL: the connection's own. */
struct source_relation {
    char *database;
    char *schema;
    char *name;
    char *moment; /* at which its rows are read, see dialect->at_moment; NULL: whenever they are read */
};

/* What a column holds, as far as planning, projecting and mapping need to know. */
enum value_kind {
    VALUE_INTEGER, /* whole numbers of any width: NUMBER(p,0), BIGINT, HUGEINT */
    VALUE_DECIMAL, /* precision and scale as given */
    VALUE_FLOAT,
    VALUE_BOOL,
    VALUE_TEXT,
    VALUE_BINARY,
    VALUE_DATE,
    VALUE_TIME,
    VALUE_TIMESTAMP, /* wall clock, no zone */
    VALUE_INSTANT,   /* a moment: TIMESTAMP_TZ, TIMESTAMP_LTZ, TIMESTAMP WITH TIME ZONE */
    VALUE_UUID,
    VALUE_JSON, /* VARIANT, OBJECT, ARRAY, JSON: arrives as JSON text */
    VALUE_OTHER /* nested and exotic types */
};

struct source_column {
    char *name;
    char *type_name;        /* as the catalogue spells it */
    char *comment;          /* as the catalogue has it; NULL: none, and always of chunking columns */
    int64_t maximum_length; /* characters or bytes; -1: unknown */
    enum value_kind kind;
    int precision; /* decimal digits; fractional digits of a second; 0 where it doesn't apply */
    int scale;
    bool nullable;
    bool as_number; /* of a chunking column only: text that is compared by the number that it holds */
};

struct source_table {
    struct source_relation relation; /* owned copy */
    struct source_column *columns;   /* in the table's order */
    size_t column_count;
    size_t *key; /* columns of the primary key as the catalogue has it; informative, never trusted */
    size_t key_count;
    char *comment; /* NULL: none */
    bool is_view;
    int64_t estimated_rows; /* as the catalogue has it, which may be old; -1: it doesn't say */
    int64_t block_rows;     /* rows that are stored together, the same number in every block; 0: unknown */
};

void source_table_release(struct source_table *table);
void source_relation_release(struct source_relation *relation);
/* Index of the column of exactly this name, or -1. */
int64_t source_column_find(const struct source_table *table, const char *name);

struct dialect {
    const char *name;   /* "snowflake", "duckdb" */
    int64_t block_rows; /* of a table, see struct source_table */

    /* "name" with whatever the dialect needs inside quoted. */
    void (*identifier)(struct buffer *sql, const char *name);
    /* A text literal. (In Snowflake a backslash inside one escapes.) */
    void (*text_literal)(struct buffer *sql, const char *text);
    /* The column as it is selected for copying, without alias: plain, or cast to what the driver delivers faithfully. */
    void (*projection)(struct buffer *sql, const struct source_column *column);
    /* A condition that is TRUE where projection() drops digits of the value. False returned: it never does. */
    bool (*projection_is_inexact)(struct buffer *sql, const struct source_column *column);
    /* The column as chunks compare it: itself, or where it is compared as a number, the number of up to 38 digits that its
     * text holds, fractions rounded, NULL where it holds none. */
    void (*key)(struct buffer *sql, const struct source_column *column);
    /* Which of `buckets` a row is in by the hash of these columns: a whole number from 0 to buckets - 1, never NULL. */
    void (*hash_bucket)(struct buffer *sql, const struct source_column *columns, size_t column_count, int64_t buckets);
    /* An expression of text: what the hash function makes of fixed values. Chunks that were cut when it gave another
     * text don't fit the rows any more. */
    const char *hash_probe;
    /* The key value `expression` as text that bound_value() reads back; exact to the type's precision. */
    void (*bound_text)(struct buffer *sql, const struct source_column *column, const char *expression);
    /* The value of the column's own type from such a text, zone and precision explicit. Where bound_text() gives `expression`
     * itself, so does this. */
    void (*bound_value)(struct buffer *sql, const struct source_column *column, const char *expression);
    /* Queries whose rows source_describe() turns into a struct source_table. It reads them by the names of their columns:
     * columns_query "name", "type", "null?" (Y or N), in the table's order; key_query "column_name", "key_sequence";
     * relations_query "name", "kind" (holds VIEW where it is one), "rows" (an estimate, or NULL), "comment": this relation,
     * or with `all` every one of its schema. columns_query may have a "comment", too. */
    void (*columns_query)(struct buffer *sql, const struct source_relation *relation);
    void (*key_query)(struct buffer *sql, const struct source_relation *relation);
    void (*relations_query)(struct buffer *sql, const struct source_relation *relation, bool all);
    /* Catalogue type name to kind, precision, scale, length. */
    void (*classify)(struct source_column *column);
    /* What the source's clock says, as a query of one row of texts: "moment", at the resolution and with the zone that at_moment()
     * wants, NULL where there is no at_moment(); "day", the date that CURRENT_DATE stands for. */
    const char *clock_query;
    /* Put behind a relation in FROM: its rows as they were at that moment. NULL: this kind of source keeps no past. */
    void (*at_moment)(struct buffer *sql, const char *moment);
    /* Does this error of such a query say that the past can't be had: the table didn't exist then, or it is too long ago? */
    bool (*moment_is_lost)(const struct error *error);
};

const struct dialect *dialect_find(const char *name); /* NULL: unknown */

extern const struct dialect dialect_snowflake;
extern const struct dialect dialect_duckdb;

/* What both dialects need: `text` between `quote`s, each quote inside doubled. */
void dialect_quote(struct buffer *sql, const char *text, char quote);
/* "VARCHAR(16)" to its name (upper case, at most `size` bytes) and up to two numbers, -1 where absent. */
void dialect_split_type(const char *type, char *name, size_t size, int64_t *first, int64_t *second);

/* "a", "b", "c" */
void dialect_columns(const struct dialect *dialect, struct buffer *sql, const struct source_column *columns,
                     size_t column_count);
/* A literal of the column's own type from what bound_text() gave. */
void dialect_bound_literal(const struct dialect *dialect, struct buffer *sql, const struct source_column *column,
                           const char *text);
/* "database"."schema"."name" */
void dialect_relation(const struct dialect *dialect, struct buffer *sql, const struct source_relation *relation);
/* The same as it stands in FROM: at the relation's moment, if it has one. */
void dialect_from(const struct dialect *dialect, struct buffer *sql, const struct source_relation *relation);

#endif
