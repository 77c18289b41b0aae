/* OIDs of PostgreSQL's built-in types: fixed in src/include/catalog/pg_type.dat of every release. */
#ifndef THAW_ENCODE_PG_TYPES_H
#define THAW_ENCODE_PG_TYPES_H

enum pg_type {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_CHAR = 18, /* "char", one byte */
    PG_NAME = 19,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_OID = 26,
    PG_XID = 28,
    PG_CID = 29,
    PG_JSON = 114,
    PG_POINT = 600,
    PG_LSEG = 601,
    PG_PATH = 602,
    PG_BOX = 603,
    PG_POLYGON = 604,
    PG_LINE = 628,
    PG_FLOAT4 = 700,
    PG_FLOAT8 = 701,
    PG_CIRCLE = 718,
    PG_MONEY = 790,
    PG_BPCHAR = 1042, /* character(n) */
    PG_VARCHAR = 1043,
    PG_DATE = 1082,
    PG_TIME = 1083,
    PG_TIMESTAMP = 1114,
    PG_TIMESTAMPTZ = 1184,
    PG_INTERVAL = 1186,
    PG_TIMETZ = 1266,
    PG_VARBIT = 1562,
    PG_NUMERIC = 1700,
    PG_UUID = 2950,
    PG_JSONB = 3802
};

#endif
