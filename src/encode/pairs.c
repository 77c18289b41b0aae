/* Which function writes which pair of types, and why other pairs have none. */
#include "encode/internal.h"

#include <stdio.h>

enum { VARYING_HEADER = 4 /* PostgreSQL counts it into the modifier of varchar(n), char(n) and numeric(p,s) */ };

static bool target_is_known(uint32_t type_oid) {
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
    case PG_NUMERIC:
    case PG_UUID:
    case PG_JSONB:
        return true;
    default:
        return false;
    }
}

/* docs/types.md has these sentences word for word; test_encode_types holds the two together. */
static const char *refusal(const struct encode_source *source, uint32_t type_oid) {
    if (!target_is_known(type_oid))
        return "the type has no binary form here: domains, enums, arrays and further types are judged by their input "
               "functions";
    if (type_oid == PG_JSON || type_oid == PG_JSONB)
        return "JSON is taken from JSON text only";
    if (source_is_text(source->type))
        return "only the type's input function can judge text, and binary COPY doesn't call it";
    if (source_is_binary(source->type))
        return "bytes have no meaning as this type";
    return "there is no exact rule that turns one into the other";
}

encode_write encode_pair_resolve(const struct encode_source *source, const struct encode_target *target, char *reason,
                                 size_t reason_size) {
    encode_write write = number_writer(source, target->type_oid);
    if (write == NULL && target->type_oid == PG_NUMERIC)
        write = numeric_writer(source);
    if (write == NULL)
        write = temporal_writer(source, target->type_oid);
    if (write == NULL)
        write = text_writer(source, target->type_oid);
    if (write == NULL)
        snprintf(reason, reason_size, "%s", refusal(source, target->type_oid));
    return write;
}

bool encode_pair_supported(const struct ArrowSchema *column, const struct encode_target *target, char *reason,
                           size_t reason_size) {
    struct encode_source source;
    return encode_source_parse(column, &source, reason, reason_size) &&
           encode_pair_resolve(&source, target, reason, reason_size) != NULL;
}

static void prepare_source(struct encode_column *column) {
    switch (column->source.type) {
    case NANOARROW_TYPE_BOOL:
        column->layout = LAYOUT_BITS;
        return;
    case NANOARROW_TYPE_STRING:
    case NANOARROW_TYPE_BINARY:
        column->layout = LAYOUT_OFFSETS_32;
        return;
    case NANOARROW_TYPE_LARGE_STRING:
    case NANOARROW_TYPE_LARGE_BINARY:
        column->layout = LAYOUT_OFFSETS_64;
        return;
    default:
        break;
    }
    column->layout = LAYOUT_FIXED;
    switch (column->source.type) {
    case NANOARROW_TYPE_INT8:
    case NANOARROW_TYPE_UINT8:
        column->value_width = 1;
        break;
    case NANOARROW_TYPE_INT16:
    case NANOARROW_TYPE_UINT16:
    case NANOARROW_TYPE_HALF_FLOAT:
        column->value_width = 2;
        break;
    case NANOARROW_TYPE_INT32:
    case NANOARROW_TYPE_UINT32:
    case NANOARROW_TYPE_FLOAT:
    case NANOARROW_TYPE_DATE32:
    case NANOARROW_TYPE_TIME32:
    case NANOARROW_TYPE_DECIMAL32:
        column->value_width = 4;
        break;
    case NANOARROW_TYPE_DECIMAL128:
        column->value_width = 16;
        break;
    case NANOARROW_TYPE_FIXED_SIZE_BINARY:
        column->value_width = column->source.byte_width;
        break;
    default:
        column->value_width = 8;
        break;
    }
}

/* The most that a value takes on the wire, beside the bytes that offsets count. */
static size_t maximum_size(const struct encode_column *column) {
    enum { NUMERIC_SIZE = 12 + 2 * 13 };
    const size_t length_word = 4;
    switch (column->target->type_oid) {
    case PG_NUMERIC:
        return NUMERIC_SIZE;
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
    prepare_source(column);
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
