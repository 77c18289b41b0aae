/* What merge.c and merge_sql.c share. */
#ifndef THAW_TARGET_MERGE_SQL_H
#define THAW_TARGET_MERGE_SQL_H

#include "target/merge.h"

void merge_stage_statement(struct buffer *sql, const struct merge *merge);
/* Helps the planner: sizes of keys. */
void merge_analyze_statement(struct buffer *sql, const struct merge *merge);
/* At most one line: is there a row between the bounds that are given, $1 and $2? */
void merge_meets_statement(struct buffer *sql, const struct merge *merge, bool lower, bool upper, bool upper_included);
/* One line: rows, rows with NULL in their key, keys that come more than once. */
void merge_examine_statement(struct buffer *sql, const struct merge *merge);
/* At most one line: the place of a row that differs from another one of its key. */
void merge_differing_statement(struct buffer *sql, const struct merge *merge);
/* The key of the staged row at place $1, as text: "id = 17, day = 2026-01-31". */
void merge_key_statement(struct buffer *sql, const struct merge *merge);
/* Number the staged rows from 1, in the order in which they were staged. */
void merge_number_statement(struct buffer *sql, const struct merge *merge);
/* Then keep those that are left in a table of their own, numbered once more, and empty the first. */
void merge_hold_statement(struct buffer *sql, const struct merge *merge);
void merge_empty_statement(struct buffer *sql, const struct merge *merge);
/* Stage those with numbers above $1 and up to $2. */
void merge_take_statement(struct buffer *sql, const struct merge *merge);
/* The row number $1 of those, as JSON objects of texts: its key, and what would be written; and its first number. */
void merge_held_statement(struct buffer *sql, const struct merge *merge);
/* Anything that orders rows of one key? */
bool merge_has_order(const struct merge *merge);

#endif
