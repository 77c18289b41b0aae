/* Which rows of a table a run reads, by its watermark: those above a floor, up to a ceiling that was fixed when the table was
 * planned, and those without a watermark, of which nothing says that they are old. Pure: no I/O.
 *
 * The window is a condition beside the user's filter: what is planned, read and counted has both, so that a plan is a cover
 * of the window. Rows above the ceiling are the next run's.
 */
#ifndef THAW_PLAN_WINDOW_H
#define THAW_PLAN_WINDOW_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "source/dialect.h"

struct plan_window {
    struct source_column watermark; /* strings owned; without a name there is no window, and every row is read */
    char *floor;                    /* dialect->bound_text; NULL: from the beginning */
    char *ceiling;                  /* or NULL: no row has a watermark */
};

bool plan_window_is_set(const struct plan_window *window);
/* Can this kind of column bound a window? Whole numbers, decimals, dates and timestamps, which have a unit. */
bool plan_watermark_supported(const struct source_column *column);
/* A window of the column, with nothing known of its ends; released by the caller. */
void plan_window_begin(struct plan_window *window, const struct source_column *watermark);
void plan_window_release(struct plan_window *window);

/* The query of one cell, text: the greatest watermark within the user's `filter` (SQL, or NULL) above the window's floor. */
void plan_window_query(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                       const char *filter, const struct plan_window *window);
/* The user's filter and the window as one condition, to be used wherever the filter is; nothing is appended where there is
 * neither. Bounds stand beside the bare column, so that the source prunes by them. */
void plan_window_filter(struct buffer *sql, const struct dialect *dialect, const char *filter,
                        const struct plan_window *window);

/* Beside what the caller adds: {"column": "AT", "type": "TIMESTAMP_NTZ(9)", "kind": "timestamp", "floor": null,
 * "ceiling": "2024-01-01 00:00:00.000000000"}. A new reference. */
json_t *plan_window_to_json(const struct plan_window *window);
/* And back, of the column as `table` has it now; json NULL, or null: no window. ERROR_CONFIG where the column is gone or has
 * another type, since bounds might be cut to other values; ERROR_INTERNAL where it is no window. */
bool plan_window_from_json(const json_t *json, const struct source_table *table, struct plan_window *window,
                           struct error *error) THAW_CHECK;
/* "every row", or "AT above X up to Y, and rows without AT", for people. */
void plan_window_describe(struct buffer *text, const struct plan_window *window);

#endif
