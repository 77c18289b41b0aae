/* Which function writes which pair of types, and why other pairs have none. */
#include "encode/internal.h"

#include <stdio.h>
#include <string.h>

enum { VARYING_HEADER = 4 /* PostgreSQL counts it into the modifier of varchar(n), char(n) and numeric(p,s) */ };

bool target_is_text(const struct encode_target *target) {
    return target->type_oid == PG_TEXT || target->type_oid == PG_VARCHAR || target->type_oid == PG_BPCHAR;
}

/* Types with a binary writer of some kind. */
static bool type_is_known(uint32_t type_oid) {
    switch (type_oid) {
    case PG_BOOL:
    case PG_BYTEA:
    case PG_INT8:
    case PG_INT2:
    case PG_INT4:
    case PG_TEXT:
    case PG_JSON:
    case PG_FLOAT4:
    case PG_FLOAT8:
    case PG_BPCHAR:
    case PG_VARCHAR:
    case PG_DATE:
    case PG_TIME:
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
    case PG_INTERVAL:
    case PG_NUMERIC:
    case PG_UUID:
    case PG_JSONB:
        return true;
    default:
        return false;
    }
}

bool target_takes_binary(const struct encode_target *target) {
    return type_is_known(target->array ? target->element_type_oid : target->type_oid);
}

static bool base_is(const struct encode_target *target, const char *name) {
    return target->base_name != NULL && strcmp(target->base_name, name) == 0;
}

/* docs/types.md has these sentences word for word; test_encode_types holds the two together. */
static const char *refusal(const struct encode_source *source, const struct encode_target *target) {
    uint32_t type_oid = target->type_oid;
    if (target->array)
        return "an array is taken from a list, or from text that PostgreSQL reads as one";
    if (type_oid == PG_JSON || type_oid == PG_JSONB)
        return "JSON is taken from JSON text and from nested values only";
    if (source_is_text(source->type))
        return "text could mean its own bytes, or hexadecimal digits for them";
    if (source_is_binary(source->type))
        return "bytes have no meaning as this type";
    if (!type_is_known(type_oid))
        return "the type is taken from text only, which its input function judges";
    return "there is no exact rule that turns one into the other";
}

/* Through the type's input function, in COPY's text format. */
static enum encode_support resolve_text(struct encode_column *column, char *reason, size_t reason_size) {
    const struct encode_target *target = column->target;
    enum ArrowType type = column->source.type;
    if (target->type_oid == PG_MONEY) {
        snprintf(reason, reason_size, "money rounds in silence, and by a setting of the server");
        return PAIR_REFUSED;
    }
    bool taken = source_is_text(type) && target->type_oid != PG_BYTEA;
    taken = taken || (source_is_integer(type) && target->type_oid == PG_OID);
    taken = taken || (base_is(target, "citext") && scalar_text_writer(&column->source) != NULL);
    taken = taken || (source_is_binary(type) && (base_is(target, "geometry") || base_is(target, "geography")));
    if (!taken) {
        snprintf(reason, reason_size, "%s", refusal(&column->source, target));
        return PAIR_REFUSED;
    }
    if (!text_can_be_judged(target)) {
        snprintf(reason, reason_size, "the type's input function would round or cut some values in silence");
        return PAIR_REFUSED;
    }
    column->judge = source_is_binary(type) ? NULL : text_judge(target);
    return PAIR_TEXT;
}

enum encode_support encode_pair_resolve(struct encode_column *column, char *reason, size_t reason_size) {
    const struct encode_source *source = &column->source;
    uint32_t type_oid = column->target->type_oid;
    encode_write write = number_writer(source, type_oid);
    if (write == NULL && type_oid == PG_NUMERIC)
        write = numeric_writer(source);
    if (write == NULL)
        write = temporal_writer(source, type_oid);
    if (write == NULL && type_oid == PG_INTERVAL)
        write = interval_writer(source);
    if (write == NULL)
        write = text_writer(source, type_oid);
    column->write = write;
    return write != NULL ? PAIR_BINARY : resolve_text(column, reason, reason_size);
}

enum encode_support encode_pair_open(struct encode_column *column, const struct ArrowSchema *schema, char *reason,
                                     size_t reason_size) {
    if (flat_is_needed(schema))
        return flat_open(column, schema, reason, reason_size);
    if (!encode_source_parse(schema, &column->source, reason, reason_size))
        return PAIR_REFUSED;
    return encode_pair_resolve(column, reason, reason_size);
}

enum encode_support encode_pair_support(const struct ArrowSchema *schema, const struct encode_target *target,
                                        char *reason, size_t reason_size) {
    struct encode_column column = {.target = target};
    enum encode_support support = encode_pair_open(&column, schema, reason, reason_size);
    flat_close(&column);
    return support;
}

/* The most that a value takes on the wire, beside the bytes that offsets count. */
static size_t maximum_size(const struct encode_column *column) {
    enum { NUMERIC_SIZE = 12 + 2 * 13, WIDE_NUMERIC_SIZE = 12 + 2 * 24 };
    const size_t length_word = 4;
    if (column->target->array)
        return length_word;
    switch (column->target->type_oid) {
    case PG_NUMERIC:
        return column->source.type == NANOARROW_TYPE_DECIMAL256 ? WIDE_NUMERIC_SIZE : NUMERIC_SIZE;
    case PG_INTERVAL:
        return length_word + 16;
    case PG_UUID:
        return length_word + 16;
    case PG_TEXT:
    case PG_VARCHAR:
    case PG_BPCHAR:
        return length_word + (source_is_text(column->source.type) ? 0 : FORMAT_SIZE);
    case PG_JSON:
    case PG_JSONB:
        return length_word + 1;
    case PG_BYTEA:
        return length_word + (size_t)column->source.byte_width;
    default:
        return length_word + 8;
    }
}

void encode_column_prepare(struct encode_column *column) {
    uint32_t type_oid = column->target->type_oid;
    int32_t modifier = column->target->type_modifier;
    source_prepare(column);
    column->maximum_size = maximum_size(column);
    column->maximum_characters = -1;
    if ((type_oid == PG_VARCHAR || type_oid == PG_BPCHAR) && modifier >= VARYING_HEADER)
        column->maximum_characters = modifier - VARYING_HEADER;
    column->fraction_unit = 1;
    if ((type_oid == PG_TIME || type_oid == PG_TIMESTAMP || type_oid == PG_TIMESTAMPTZ) && modifier >= 0 &&
        modifier < 6)
        column->fraction_unit = (int64_t)power_of_ten(6 - modifier);
    if (type_oid == PG_NUMERIC)
        numeric_prepare(&column->numeric, column->source.scale, modifier);
}
