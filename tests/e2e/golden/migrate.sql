ALTER SESSION SET ROWS_PER_RESULTSET = 0, TIMEZONE = 'UTC', QUOTED_IDENTIFIERS_IGNORE_CASE = false, DATE_INPUT_FORMAT = 'AUTO', TIME_INPUT_FORMAT = 'AUTO', TIMESTAMP_INPUT_FORMAT = 'AUTO', DATE_OUTPUT_FORMAT = 'YYYY-MM-DD', TIME_OUTPUT_FORMAT = 'HH24:MI:SS.FF9', TIMESTAMP_NTZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9', TIMESTAMP_LTZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM', TIMESTAMP_TZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM', BINARY_OUTPUT_FORMAT = 'HEX', JSON_INDENT = 0, CLIENT_RESULT_CHUNK_SIZE = 16, QUERY_TAG = 'thaw';

USE SECONDARY ROLES NONE;

SHOW PARAMETERS IN SESSION;

DESCRIBE TABLE "DATABASE"."PUBLIC"."every kind";

SELECT table_name AS "name", table_type AS "kind", TO_VARCHAR(row_count) AS "rows", comment AS "comment" FROM "DATABASE".INFORMATION_SCHEMA.TABLES WHERE table_schema = 'PUBLIC' AND table_name = 'every kind' ORDER BY 1;

SHOW PRIMARY KEYS IN TABLE "DATABASE"."PUBLIC"."every kind";

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (
1 = 0
);

SELECT TO_VARCHAR(THAW_FIRST_1) AS THAW_LOWER_1, TO_VARCHAR(THAW_LAST_1) AS THAW_HIGHEST_1, CAST(THAW_NULL AS VARCHAR) AS THAW_NULLS, CAST(THAW_COUNT AS VARCHAR) AS THAW_ROWS, CAST(THAW_LAST_COUNT AS VARCHAR) AS THAW_LAST_ROWS, CASE WHEN (LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) IS NULL OR LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) < THAW_FIRST_1) AND THAW_FIRST_1 <= THAW_LAST_1 THEN '1' ELSE '0' END AS THAW_ASCENDING FROM (SELECT MIN(THAW_KEY_1) AS THAW_FIRST_1, MAX(THAW_KEY_1) AS THAW_LAST_1, THAW_NULL, COUNT(*) AS THAW_COUNT, COUNT(*) - (MAX(THAW_RANK) - MIN(THAW_RANK)) AS THAW_LAST_COUNT, MIN(THAW_RANK) AS THAW_FIRST_RANK FROM (SELECT "id" AS THAW_KEY_1, CASE WHEN "id" IS NULL THEN 1 ELSE 0 END AS THAW_NULL, RANK() OVER (ORDER BY "id" NULLS LAST) AS THAW_RANK FROM "DATABASE"."PUBLIC"."every kind") AS THAW_RANKED GROUP BY THAW_NULL, CASE WHEN THAW_NULL = 1 THEN -1 ELSE THAW_RANK - 1 - MOD(THAW_RANK - 1, 6) END) AS THAW_BUCKETS ORDER BY THAW_NULL, THAW_FIRST_RANK;

DESCRIBE TABLE "DATABASE"."PUBLIC"."every kind";

SELECT table_name AS "name", table_type AS "kind", TO_VARCHAR(row_count) AS "rows", comment AS "comment" FROM "DATABASE".INFORMATION_SCHEMA.TABLES WHERE table_schema = 'PUBLIC' AND table_name = 'every kind' ORDER BY 1;

SHOW PRIMARY KEYS IN TABLE "DATABASE"."PUBLIC"."every kind";

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (
1 = 0
);

SELECT TO_VARCHAR(THAW_FIRST_1, 'YYYY-MM-DD') AS THAW_LOWER_1, TO_VARCHAR(THAW_FIRST_2) AS THAW_LOWER_2, TO_VARCHAR(THAW_LAST_1, 'YYYY-MM-DD') AS THAW_HIGHEST_1, TO_VARCHAR(THAW_LAST_2) AS THAW_HIGHEST_2, CAST(THAW_NULL AS VARCHAR) AS THAW_NULLS, CAST(THAW_COUNT AS VARCHAR) AS THAW_ROWS, CAST(THAW_LAST_COUNT AS VARCHAR) AS THAW_LAST_ROWS, CASE WHEN (LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) IS NULL OR (LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) < THAW_FIRST_1 OR (LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) = THAW_FIRST_1 AND LAG(THAW_LAST_2) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) < THAW_FIRST_2))) AND (THAW_FIRST_1 < THAW_LAST_1 OR (THAW_FIRST_1 = THAW_LAST_1 AND THAW_FIRST_2 <= THAW_LAST_2)) THEN '1' ELSE '0' END AS THAW_ASCENDING FROM (SELECT MIN_BY(THAW_KEY_1, THAW_RANK) AS THAW_FIRST_1, MAX_BY(THAW_KEY_1, THAW_RANK) AS THAW_LAST_1, MIN_BY(THAW_KEY_2, THAW_RANK) AS THAW_FIRST_2, MAX_BY(THAW_KEY_2, THAW_RANK) AS THAW_LAST_2, THAW_NULL, COUNT(*) AS THAW_COUNT, COUNT(*) - (MAX(THAW_RANK) - MIN(THAW_RANK)) AS THAW_LAST_COUNT, MIN(THAW_RANK) AS THAW_FIRST_RANK FROM (SELECT "day" AS THAW_KEY_1, "amount" AS THAW_KEY_2, CASE WHEN "day" IS NULL OR "amount" IS NULL THEN 1 ELSE 0 END AS THAW_NULL, RANK() OVER (ORDER BY CASE WHEN "day" IS NULL OR "amount" IS NULL THEN 1 ELSE 0 END, "day", "amount") AS THAW_RANK FROM "DATABASE"."PUBLIC"."every kind") AS THAW_RANKED GROUP BY THAW_NULL, CASE WHEN THAW_NULL = 1 THEN -1 ELSE THAW_RANK - 1 - MOD(THAW_RANK - 1, 6) END) AS THAW_BUCKETS ORDER BY THAW_NULL, THAW_FIRST_RANK;

DESCRIBE TABLE "DATABASE"."PUBLIC"."every kind";

SELECT table_name AS "name", table_type AS "kind", TO_VARCHAR(row_count) AS "rows", comment AS "comment" FROM "DATABASE".INFORMATION_SCHEMA.TABLES WHERE table_schema = 'PUBLIC' AND table_name = 'every kind' ORDER BY 1;

SHOW PRIMARY KEYS IN TABLE "DATABASE"."PUBLIC"."every kind";

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (
1 = 0
);

SELECT CASE WHEN LENGTH(THAW_FIRST_1) <= 1000 THEN THAW_FIRST_1 END AS THAW_LOWER_1, CASE WHEN LENGTH(THAW_LAST_1) <= 1000 THEN THAW_LAST_1 END AS THAW_HIGHEST_1, CAST(THAW_NULL AS VARCHAR) AS THAW_NULLS, CAST(THAW_COUNT AS VARCHAR) AS THAW_ROWS, CAST(THAW_LAST_COUNT AS VARCHAR) AS THAW_LAST_ROWS, CASE WHEN (LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) IS NULL OR LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) < THAW_FIRST_1) AND THAW_FIRST_1 <= THAW_LAST_1 THEN '1' ELSE '0' END AS THAW_ASCENDING FROM (SELECT MIN(THAW_KEY_1) AS THAW_FIRST_1, MAX(THAW_KEY_1) AS THAW_LAST_1, THAW_NULL, COUNT(*) AS THAW_COUNT, COUNT(*) - (MAX(THAW_RANK) - MIN(THAW_RANK)) AS THAW_LAST_COUNT, MIN(THAW_RANK) AS THAW_FIRST_RANK FROM (SELECT "name" AS THAW_KEY_1, CASE WHEN "name" IS NULL THEN 1 ELSE 0 END AS THAW_NULL, RANK() OVER (ORDER BY "name" NULLS LAST) AS THAW_RANK FROM "DATABASE"."PUBLIC"."every kind") AS THAW_RANKED GROUP BY THAW_NULL, CASE WHEN THAW_NULL = 1 THEN -1 ELSE THAW_RANK - 1 - MOD(THAW_RANK - 1, 6) END) AS THAW_BUCKETS ORDER BY THAW_NULL, THAW_FIRST_RANK;

DESCRIBE TABLE "DATABASE"."PUBLIC"."every kind";

SELECT table_name AS "name", table_type AS "kind", TO_VARCHAR(row_count) AS "rows", comment AS "comment" FROM "DATABASE".INFORMATION_SCHEMA.TABLES WHERE table_schema = 'PUBLIC' AND table_name = 'every kind' ORDER BY 1;

SHOW PRIMARY KEYS IN TABLE "DATABASE"."PUBLIC"."every kind";

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (
1 = 0
);

SELECT TO_VARCHAR(THAW_FIRST_1, 'YYYY-MM-DD HH24:MI:SS.FF9') AS THAW_LOWER_1, TO_VARCHAR(THAW_LAST_1, 'YYYY-MM-DD HH24:MI:SS.FF9') AS THAW_HIGHEST_1, CAST(THAW_NULL AS VARCHAR) AS THAW_NULLS, CAST(THAW_COUNT AS VARCHAR) AS THAW_ROWS, CAST(THAW_LAST_COUNT AS VARCHAR) AS THAW_LAST_ROWS, CASE WHEN (LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) IS NULL OR LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) < THAW_FIRST_1) AND THAW_FIRST_1 <= THAW_LAST_1 THEN '1' ELSE '0' END AS THAW_ASCENDING FROM (SELECT MIN(THAW_KEY_1) AS THAW_FIRST_1, MAX(THAW_KEY_1) AS THAW_LAST_1, THAW_NULL, COUNT(*) AS THAW_COUNT, COUNT(*) - (MAX(THAW_RANK) - MIN(THAW_RANK)) AS THAW_LAST_COUNT, MIN(THAW_RANK) AS THAW_FIRST_RANK FROM (SELECT "at" AS THAW_KEY_1, CASE WHEN "at" IS NULL THEN 1 ELSE 0 END AS THAW_NULL, RANK() OVER (ORDER BY "at" NULLS LAST) AS THAW_RANK FROM "DATABASE"."PUBLIC"."every kind") AS THAW_RANKED GROUP BY THAW_NULL, CASE WHEN THAW_NULL = 1 THEN -1 ELSE THAW_RANK - 1 - MOD(THAW_RANK - 1, 6) END) AS THAW_BUCKETS ORDER BY THAW_NULL, THAW_FIRST_RANK;

DESCRIBE TABLE "DATABASE"."PUBLIC"."every kind";

SELECT table_name AS "name", table_type AS "kind", TO_VARCHAR(row_count) AS "rows", comment AS "comment" FROM "DATABASE".INFORMATION_SCHEMA.TABLES WHERE table_schema = 'PUBLIC' AND table_name = 'every kind' ORDER BY 1;

SHOW PRIMARY KEYS IN TABLE "DATABASE"."PUBLIC"."every kind";

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (
1 = 0
);

SELECT TO_VARCHAR(THAW_FIRST_1::TIMESTAMP_LTZ(9), 'YYYY-MM-DD HH24:MI:SS.FF9') || ' +00:00' AS THAW_LOWER_1, TO_VARCHAR(THAW_LAST_1::TIMESTAMP_LTZ(9), 'YYYY-MM-DD HH24:MI:SS.FF9') || ' +00:00' AS THAW_HIGHEST_1, CAST(THAW_NULL AS VARCHAR) AS THAW_NULLS, CAST(THAW_COUNT AS VARCHAR) AS THAW_ROWS, CAST(THAW_LAST_COUNT AS VARCHAR) AS THAW_LAST_ROWS, CASE WHEN (LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) IS NULL OR LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) < THAW_FIRST_1) AND THAW_FIRST_1 <= THAW_LAST_1 THEN '1' ELSE '0' END AS THAW_ASCENDING FROM (SELECT MIN(THAW_KEY_1) AS THAW_FIRST_1, MAX(THAW_KEY_1) AS THAW_LAST_1, THAW_NULL, COUNT(*) AS THAW_COUNT, COUNT(*) - (MAX(THAW_RANK) - MIN(THAW_RANK)) AS THAW_LAST_COUNT, MIN(THAW_RANK) AS THAW_FIRST_RANK FROM (SELECT "seen" AS THAW_KEY_1, CASE WHEN "seen" IS NULL THEN 1 ELSE 0 END AS THAW_NULL, RANK() OVER (ORDER BY "seen" NULLS LAST) AS THAW_RANK FROM "DATABASE"."PUBLIC"."every kind") AS THAW_RANKED GROUP BY THAW_NULL, CASE WHEN THAW_NULL = 1 THEN -1 ELSE THAW_RANK - 1 - MOD(THAW_RANK - 1, 6) END) AS THAW_BUCKETS ORDER BY THAW_NULL, THAW_FIRST_RANK;

DESCRIBE TABLE "DATABASE"."PUBLIC"."every kind";

SELECT table_name AS "name", table_type AS "kind", TO_VARCHAR(row_count) AS "rows", comment AS "comment" FROM "DATABASE".INFORMATION_SCHEMA.TABLES WHERE table_schema = 'PUBLIC' AND table_name = 'every kind' ORDER BY 1;

SHOW PRIMARY KEYS IN TABLE "DATABASE"."PUBLIC"."every kind";

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (
1 = 0
);

SELECT CAST(THAW_BUCKET AS VARCHAR) AS THAW_NUMBER, CAST(COUNT(*) AS VARCHAR) AS THAW_ROWS, TO_VARCHAR(HASH('thaw', 38, NULL)) AS THAW_PROBE FROM (SELECT ABS(MOD(HASH("name", "ratio"), 16384)) AS THAW_BUCKET FROM "DATABASE"."PUBLIC"."every kind") AS THAW_HASHED GROUP BY THAW_BUCKET ORDER BY THAW_BUCKET;

DESCRIBE TABLE "DATABASE"."PUBLIC"."every kind";

SELECT table_name AS "name", table_type AS "kind", TO_VARCHAR(row_count) AS "rows", comment AS "comment" FROM "DATABASE".INFORMATION_SCHEMA.TABLES WHERE table_schema = 'PUBLIC' AND table_name = 'every kind' ORDER BY 1;

SHOW PRIMARY KEYS IN TABLE "DATABASE"."PUBLIC"."every kind";

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (
1 = 0
);

SELECT CAST(COUNT(*) AS VARCHAR) AS THAW_ROWS FROM "DATABASE"."PUBLIC"."every kind" WHERE (
"id" > 3 -- a remark
);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("id" < '6'::NUMBER(38,0));

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("id" >= '6'::NUMBER(38,0));

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("id" IS NULL);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("day" <= '2024-01-02'::DATE AND ("day" < '2024-01-02'::DATE OR ("day" = '2024-01-02'::DATE AND "amount" < '1.75'::NUMBER(12,2))) AND "day" IS NOT NULL AND "amount" IS NOT NULL);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("day" >= '2024-01-02'::DATE AND ("day" > '2024-01-02'::DATE OR ("day" = '2024-01-02'::DATE AND "amount" >= '1.75'::NUMBER(12,2))) AND "day" IS NOT NULL AND "amount" IS NOT NULL);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("day" IS NULL OR "amount" IS NULL);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("name" < 'it''s \\4');

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("name" >= 'it''s \\4');

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("name" IS NULL);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("at" < '2024-01-01 00:00:06.000000000'::TIMESTAMP_NTZ(9));

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("at" >= '2024-01-01 00:00:06.000000000'::TIMESTAMP_NTZ(9));

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("at" IS NULL);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("seen" IS NOT NULL);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE ("seen" IS NULL);

SELECT TO_VARCHAR(HASH('thaw', 38, NULL)) AS THAW_PROBE;

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (ABS(MOD(HASH("name", "ratio"), 16384)) BETWEEN FIRST AND LAST);

SELECT TO_VARCHAR(HASH('thaw', 38, NULL)) AS THAW_PROBE;

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (ABS(MOD(HASH("name", "ratio"), 16384)) BETWEEN FIRST AND LAST);

SELECT "id" AS "id", "day" AS "day", "amount" AS "amount", "name" AS "name", "at"::TIMESTAMP_NTZ(6) AS "at", "seen"::TIMESTAMP_LTZ(6) AS "seen", "time" AS "time", "data" AS "data", "raw" AS "raw", "ratio" AS "ratio", "ok" AS "ok", CASE WHEN "at" <> "at"::TIMESTAMP_NTZ(6) THEN 5 WHEN "seen" <> "seen"::TIMESTAMP_LTZ(6) THEN 6 END AS THAW_INEXACT FROM "DATABASE"."PUBLIC"."every kind" WHERE (
"id" > 3 -- a remark
);

