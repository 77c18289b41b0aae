/* From which watermark on rows are to be read again. */
#ifndef THAW_TARGET_WATERMARK_H
#define THAW_TARGET_WATERMARK_H

#include <stdbool.h>

#include "source/dialect.h"
#include "target/catalogue.h"
#include "target/connection.h"

/* Can a floor be taken of these two columns? Both hold numbers, or both dates or timestamps: then the target's type has
 * a unit. */
bool target_watermark_fits(const struct source_column *source, const struct target_column *target);

/* The lesser of the target's greatest watermark and `ceiling` (what the last run read up to, as the source's dialect wrote it), less
 * one unit of the target's resolution (a day, 10^-p seconds, 10^-s; of types without one, the source's), then down to the
 * source's own resolution: *floor, allocated, as dialect_bound_literal() reads it, never above that lesser of the two and
 * below every equal value, rounded or not. Instants and wall clocks are taken as the encoder takes them, in UTC.
 * *floor NULL: nothing can be told to be old, since the target holds no watermark, or an infinite one, or one before the year 1.
 * Outside of a transaction, or in one. */
bool target_watermark_floor(struct target_connection *connection, const struct target_table *table,
                            const struct target_column *target, const struct source_column *source, const char *ceiling,
                            char **floor, struct error *error) THAW_CHECK;

#endif
