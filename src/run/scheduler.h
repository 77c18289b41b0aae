/* What a worker should do next. In-process choices only: who gets which chunk is PostgreSQL's to say. */
#ifndef THAW_RUN_SCHEDULER_H
#define THAW_RUN_SCHEDULER_H

#include "run/state.h"

enum job_kind {
    JOB_NONE,   /* nothing is left to do, or the run is stopping */
    JOB_PLAN,   /* plan the tables of `group` */
    JOB_FINISH, /* reconcile and complete `table` */
    JOB_CLAIM   /* ask the ledgers for a chunk */
};

struct job {
    enum job_kind kind;
    size_t group;
    struct run_table *table;
};

struct job scheduler_next(struct run *run);

/* Tables of `database` whose chunks may be claimed now, those with the fewest workers first so that a large table doesn't
 * starve small ones; a table at its own parallel_threads is left out. `tables` has room for run->table_count. None of
 * them is planned again while the ledger is asked, until scheduler_settle(). One worker at a time: run->claiming. */
size_t scheduler_offer(struct run *run, const struct run_database *database, struct run_table **tables);
/* The `count` tables offered are free again; the caller enters `taken`, of which it has got a chunk; NULL: none. */
void scheduler_settle(struct run *run, struct run_table *const *tables, size_t count, const struct run_table *taken);
/* A chunk of the table is done with; completed: its rows are committed. */
void scheduler_leave(struct run *run, struct run_table *table, bool completed, int64_t rows);
/* A reader of the table needed more of DuckDB's cache than it was thought to: the limit of memory has room for fewer from now on, and the
 * cache takes what buffers are not in use. False: it was the only one, and has had all there is. */
bool scheduler_read_less(struct run *run, struct run_table *table);
/* A chunk's last attempt has failed; how many have since one was completed. */
int scheduler_count_exhausted(struct run *run, struct run_table *table);
void scheduler_set_state(struct run *run, struct run_table *table, enum table_state state);
void scheduler_fail(struct run *run, struct run_table *table, const struct error *failure);
/* The group of the table is to be looked at again; GROUP_MOMENT_LOST: and this table planned anew. */
void scheduler_doubt(struct run *run, struct run_table *table, enum group_doubt doubt);
/* Every table of the database that isn't finished fails. False: there was none. */
bool scheduler_give_up(struct run *run, const struct run_database *database, const struct error *failure);
/* Planning of a group did not come to an end: it can be taken again. */
void scheduler_unplan(struct run *run, size_t group);

/* Bring the in-memory picture up to what the ledger says (other processes work too). `asked_us`: monotonic, when the
 * question was sent: what has been planned since may be missing in the answer. */
void scheduler_refresh(struct run *run, struct run_database *database, const struct ledger_tables *stored,
                       int64_t asked_us);

/* Wait until something changes, a second at most. */
void scheduler_wait(struct run *run);

#endif
