#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

bool ledger_reject_rows(struct target_connection *connection, const struct ledger_claim *claim,
                        const struct encode_refusal *rows, size_t count, int64_t *of_table, struct error *error) {
    char table[NUMBER_SIZE], chunk[NUMBER_SIZE], number[NUMBER_SIZE];
    PGresult *result = NULL;
    number_text(table, claim->table_id);
    number_text(chunk, claim->chunk_id);
    for (size_t i = 0; i < count; i++) {
        const char *row[] = {table,          chunk,          number_text(number, rows[i].row),
                             rows[i].key,    rows[i].values, rows[i].column,
                             rows[i].reason, rows[i].code};
        if (!target_query(connection, sql_reject_row, 8, row, NULL, error))
            return error_context(error, "setting a row aside (%s)", rows[i].key);
    }
    const char *parameters[] = {table, chunk, number_text(number, (int64_t)count)};
    if (!target_query(connection, sql_count_rejects, 3, parameters, &result, error))
        return false;
    *of_table = number_of(result, 0, 0);
    PQclear(result);
    return true;
}

bool ledger_number_row(struct target_connection *connection, const struct ledger_claim *claim, int64_t *row,
                       struct error *error) {
    char table[NUMBER_SIZE], chunk[NUMBER_SIZE], number[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, claim->table_id), number_text(chunk, claim->chunk_id),
                                number_text(number, *row)};
    PGresult *result = NULL;
    if (!target_query(connection, sql_number_row, 3, parameters, &result, error))
        return false;
    *row = number_of(result, 0, 0);
    PQclear(result);
    return true;
}
