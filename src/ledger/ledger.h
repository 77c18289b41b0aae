/* The ledger: schema migration_status in each target database. Runs, tables, chunks, owners, fences.
 *
 * Rows and their record share a transaction, so these functions work on the caller's connection; which of them open a
 * transaction of their own is said at each. Lock order: target, chunk, table, run; counters last.
 */
#ifndef THAW_LEDGER_LEDGER_H
#define THAW_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "encode/encode.h"
#include "target/connection.h"
#include "target/merge.h"

/* ---- schema ------------------------------------------------------------------------------------------------------- */

/* Make or upgrade the schema in numbered steps, each once, under an advisory lock. A newer schema than this program
 * knows is ERROR_CONFIG. Own transactions. */
bool ledger_prepare(struct target_connection *connection, struct error *error) THAW_CHECK;
/* Does the schema exist at a version that this program can read? For commands that must not make it. */
bool ledger_exists(struct target_connection *connection, bool *exists, struct error *error) THAW_CHECK;
/* Would ledger_prepare() succeed? ERROR_CONFIG with what the role lacks; nothing is made. Outside of a transaction. */
enum ledger_state { LEDGER_ABSENT, LEDGER_OLDER, LEDGER_READY };
bool ledger_examine(struct target_connection *connection, enum ledger_state *state, struct error *error) THAW_CHECK;

/* ---- runs --------------------------------------------------------------------------------------------------------- */

struct ledger_run {
    char run_id[37];
    int run_number; /* small key of the run for advisory locks, from a sequence of this database */
    char status[16];
    int64_t started_at_us;
    int64_t last_progress_us; /* the later of started_at and last_progress_at */
    char *execution_hash;
    char *source_names;
    char *settings; /* JSON text of the settings that the hash stands for; NULL in ledgers older than it */
    bool live;      /* an owner's presence shows in pg_locks */
    char *owners;   /* "host (pid 17), ...": live owners; "" where none */
    /* Until the last of their own deadlines, microseconds; negative: it has passed. INT64_MIN: there is no owner, or one has no
     * deadline but that of its heartbeat, or a later one. */
    int64_t owned_us;
};

struct ledger_runs {
    struct ledger_run *list;
    size_t count;
};

/* Serialise the decision to start or resume: an advisory transaction lock on the caller's open transaction, which the server
 * ends where it is idle for 15 s from then on: nobody knows its owner yet, so nobody else could. *locked false: somebody
 * else has it, and `wait` is false. */
bool ledger_lock_decision(struct target_connection *connection, bool wait, bool *locked,
                          struct error *error) THAW_CHECK;
/* Unfinished runs (and the run `run_id`, if not NULL, whatever its status), newest progress first. The time is the
 * server's: *now_us. */
bool ledger_list_runs(struct target_connection *connection, const char *run_id, struct ledger_runs *runs,
                      int64_t *now_us, struct error *error) THAW_CHECK;
void ledger_runs_release(struct ledger_runs *runs);

/* Is it a run_id as the ledger prints it, a lower-case UUID? */
bool ledger_is_run_id(const char *text);
/* A new random uuid, made by the server. */
bool ledger_new_uuid(struct target_connection *connection, char uuid[37], struct error *error) THAW_CHECK;

struct ledger_run_values {
    const char *run_id;
    const char *execution_hash, *config_hash, *source_names, *settings;
    int total_sources, total_tables;
};
/* In the caller's transaction: insert the run. */
bool ledger_insert_run(struct target_connection *connection, const struct ledger_run_values *values, int *run_number,
                       struct error *error) THAW_CHECK;
/* In the caller's transaction: make the run running again. Failed chunks become pending with no retries counted, failed
 * tables in_progress (pending where there is no plan yet). Chunks in progress stay as they are: ledger_claim() takes
 * those whose owner is gone. ERROR_CONFIG where the run doesn't exist. */
bool ledger_adopt_run(struct target_connection *connection, const char *run_id, int *run_number,
                      struct error *error) THAW_CHECK;

/* Own synchronous transaction: this owner has finished, and the run gets its final status (completed, failed, partial)
 * from what its table rows say; *status is what stands there afterwards (16 bytes). Completed only where every table
 * is. Else, while other owners are alive and at work, it stays `running`: theirs is the last word. Else partial where
 * `stopped` says that work was left on request, or where tables are left over, none failed and `reason` is NULL, and
 * failed otherwise, with the tables' own errors or, where the ledger has none, `reason`. owner_id 0: none. Hold the
 * presence until it has returned. */
bool ledger_finish_run(struct target_connection *connection, const char *run_id, int owner_id, bool stopped,
                       const char *reason, char *status, struct error *error) THAW_CHECK;

/* ---- presence ----------------------------------------------------------------------------------------------------- */

/* In the caller's transaction: a row for this process in migration_owners; *owner_id is its small key, and
 * its deadline is so many microseconds away by the server's clock, and `end_us` the end of the process itself; -1: it has none. Hold
 * the presence before that transaction commits, so that nobody finds the run without owner. */
bool ledger_insert_owner(struct target_connection *connection, const char *run_id, const char *host, int process_id,
                         int64_t deadline_us, int64_t end_us, int *owner_id, struct error *error) THAW_CHECK;
/* On a connection of its own, which then stays in this transaction: shared lock for the run, exclusive for the owner.
 * It needs nothing of the rows, so it works while the transaction that inserts them is still open. */
bool ledger_hold_presence(struct target_connection *presence, int run_number, int owner_id,
                          struct error *error) THAW_CHECK;
/* From now on each transaction that target_begin() opens on this connection shows in pg_locks as the owner's, before it locks
 * anything else, so that ledger_evict_overdue() finds it wherever the owner froze. owner_id 0: no longer. */
void ledger_mark_transactions(struct target_connection *connection, int owner_id);
/* Is it still held? A round trip on the presence connection. ERROR_LOST where it isn't. */
bool ledger_check_presence(struct target_connection *presence, struct error *error) THAW_CHECK;
/* Publish progress: heartbeat and the deadline, so many microseconds away by the server's clock, after which others may terminate
 * this owner's backends. Own statement,
 * on a connection outside of any load. ERROR_LOST where this owner was evicted or its run deleted. */
bool ledger_heartbeat(struct target_connection *connection, int owner_id, int64_t deadline_us,
                      struct error *error) THAW_CHECK;
/* Terminate the backends (presence and marked transactions, found by the locks that they hold) of all owners whose deadline has
 * passed, whatever their run: one of another run may hold a target that this one waits for. *evicted says how many owners.
 * Own statements; waits up to 5 s for each backend to end. */
bool ledger_evict_overdue(struct target_connection *connection, int *evicted, struct error *error) THAW_CHECK;

/* ---- tables and plans ----------------------------------------------------------------------------------------------- */

struct ledger_table {
    int64_t table_id;
    char *source_name, *source_database, *source_schema, *source_table;
    char *target_database, *target_schema, *target_table;
    int64_t total_chunks, completed_chunks, failed_chunks, total_rows_copied;
    int64_t expected_rows;     /* the plan's count; -1 while unplanned */
    int64_t target_generation; /* the fence that loads must find */
    char *metadata;            /* JSON text */
    char *error_message;
    char status[16];
    int deadline_breaks; /* how often a deadline has broken off its planning, or, once it is planned, its end */
    bool planned;
    bool indexes_missing; /* its target's indexes are dropped: it is completed only with all that feed it */
};

struct ledger_tables {
    struct ledger_table *list;
    size_t count;
};

/* In the caller's transaction: a pending row for a table of a new run; fills table_id. target_database NULL: this
 * one. */
bool ledger_insert_table(struct target_connection *connection, const char *run_id, struct ledger_table *table,
                         struct error *error) THAW_CHECK;
bool ledger_list_tables(struct target_connection *connection, const char *run_id, struct ledger_tables *tables,
                        struct error *error) THAW_CHECK;
/* Rows in the target when the run took it, which ledger_plan.metadata had as target_rows_before; -1: it doesn't say. */
int64_t ledger_rows_before(const struct ledger_table *table);
void ledger_tables_release(struct ledger_tables *tables);

/* The plan of one source table, to be stored. */
struct ledger_plan_chunk {
    char *range; /* chunk_range, JSON text */
    int64_t expected_rows;
};
struct ledger_plan {
    int64_t table_id;
    const struct ledger_plan_chunk *chunks;
    size_t chunk_count;
    int64_t expected_rows;
    const char *metadata; /* JSON object text merged into metadata; NULL: nothing */
};

/* What a table's earlier runs say of its watermark. */
struct ledger_window_history {
    int64_t
        table_id; /* the last completed run of the same source and target, rows set aside in none; 0: there is none */
    char run_id[37];
    char *ceiling; /* what it read up to; NULL: it had no window, or no row had a watermark */
    bool is_same;  /* it, and what was completed since, had these settings and this kind of watermark */
    bool is_there; /* and the target wasn't truncated since */
};
/* `settings` and `kind` are compared with what metadata says of each run's window: {"window": {"settings": ..., "kind": ...,
 * "ceiling": ...}}. A run that set rows aside is passed over for as long as they are in rejected_rows, so that they are read again.
 * Own statement, or in the caller's transaction. */
bool ledger_window_history(struct target_connection *connection, const struct ledger_table *table, const char *settings,
                           const char *kind, struct ledger_window_history *history, struct error *error) THAW_CHECK;
void ledger_window_history_release(struct ledger_window_history *history);

/* Who plans an unplanned table: one live owner at a time, so that processes that work on one run don't ask the source
 * twice. *claimed is true where the plan is stored already, too. *breaks: how often the planning was broken off by the end of a
 * process, those that were killed then included. Own statement. */
bool ledger_claim_planning(struct target_connection *connection, const char *run_id, int64_t table_id, int owner_id,
                           bool *claimed, int *breaks, struct error *error) THAW_CHECK;
/* A deadline has broken off the planning of this table, or its end: one more of *breaks. Own statement. */
bool ledger_break_table(struct target_connection *connection, const char *run_id, int64_t table_id, int *breaks,
                        struct error *error) THAW_CHECK;

/* What a run is about to do to its target. */
enum ledger_writing {
    WRITING_ADDS,      /* rows beside those that are there: what an unfinished run has left would come twice */
    WRITING_TRUNCATES, /* empties it first */
    WRITING_MERGES     /* by a key: safe to repeat */
};

/* Take over a target for this run, inside the caller's transaction: locks its fence FOR UPDATE (made if absent),
 * refuses while a live run owns it (ERROR_CONFIG, who) or, where rows are only added, while it holds chunks of an unfinished
 * run (which, and what to do), raises the generation; *generation is the new one. Who truncates does so
 * in the same transaction. A target that is this run's own already keeps its generation, and *already is true: its
 * truncation has happened. */
bool ledger_take_target(struct target_connection *connection, const char *run_id, const char *target_schema,
                        const char *target_table, enum ledger_writing writing, int64_t *generation, bool *already,
                        struct error *error) THAW_CHECK;
/* In the same transaction, as its last statements: store the chunks (chunk_id numbers on across the targets of one
 * source table within the run), the counters, the generation; the table is in_progress. ERROR_LOST where it was planned
 * meanwhile, or isn't the run's. */
bool ledger_store_plan(struct target_connection *connection, const char *run_id, const struct ledger_plan *plan,
                       int64_t generation, struct error *error) THAW_CHECK;

/* The moment at which the run's tables are read: `candidate`, or what was fixed before. *moment is allocated. In a transaction of its
 * own. */
bool ledger_fix_moment(struct target_connection *connection, const char *run_id, const char *candidate, char **moment,
                       struct error *error) THAW_CHECK;

/* Own statement: remember a scratch table of the source, a JSON object that the source's side understands, before it is made; NULL:
 * there is none any more. */
bool ledger_note_scratch(struct target_connection *connection, const char *run_id, int64_t table_id,
                         const char *scratch, struct error *error) THAW_CHECK;
/* Scratch tables that were noted, of all runs. */
struct ledger_scratch {
    char run_id[37];
    int64_t table_id;
    bool live;      /* somebody works on its run */
    bool completed; /* its table is; else a resume would read it */
    char *scratch;  /* as noted */
};
struct ledger_scratches {
    struct ledger_scratch *list;
    size_t count;
};
bool ledger_list_scratch(struct target_connection *connection, struct ledger_scratches *scratches,
                         struct error *error) THAW_CHECK;
void ledger_scratches_release(struct ledger_scratches *scratches);

/* A planned table can't be read to its end as it was planned: in the caller's transaction its chunks go, its row is as if it had
 * never been planned, and the target's generation is raised, so that no load under the old plan can commit any more. Waits for
 * loads in hand. RESET_TRUNCATED: the caller truncates the target next, so this happens to every table of the run that feeds it.
 * RESET_APPENDED is ERROR_CONFIG where the table has loaded rows, since nobody can tell them from others. *reset false: it isn't
 * planned under this generation any more, so another process was quicker. ERROR_CONFIG after the third time. */
enum ledger_reset { RESET_TRUNCATED, RESET_MERGED, RESET_APPENDED };
bool ledger_reset_plan(struct target_connection *connection, const char *run_id, int64_t table_id, int64_t generation,
                       enum ledger_reset how, bool *reset, struct error *error) THAW_CHECK;

/* ---- chunks ------------------------------------------------------------------------------------------------------- */

struct ledger_claim {
    int64_t table_id;
    int64_t chunk_id;
    char token[37];        /* uuid of this claim */
    bool ran_out;          /* a deadline has broken it off just now: its owner was killed at its end, or froze */
    char *range;           /* JSON text, owned */
    int64_t expected_rows; /* -1: unknown */
    int retry_count;
    int deadline_breaks; /* how often a deadline has broken it off */
};

/* Claim one chunk of the given tables, in the order of the list, for this owner: pending first, then in_progress ones
 * whose owner's presence is gone. Own transaction. *found false: nothing claimable now. Where false is returned with
 * *found true, the answer to COMMIT was lost: the claim may hold, so pass it to ledger_release_chunk() on a new
 * connection (or to ledger_enter_load(), which finds out), else nobody gets that chunk while this owner is alive. */
bool ledger_claim(struct target_connection *connection, const char *run_id, const int64_t *table_ids,
                  size_t table_count, int owner_id, struct ledger_claim *claim, bool *found,
                  struct error *error) THAW_CHECK;
/* The same, but only of those whose owner's end came over it while it had them in hand for most of its time. */
bool ledger_claim_ran_out(struct target_connection *connection, const char *run_id, const int64_t *table_ids,
                          size_t table_count, int owner_id, struct ledger_claim *claim, bool *found,
                          struct error *error) THAW_CHECK;
void ledger_claim_release(struct ledger_claim *claim);
/* What keeps the owner from claiming more, in words for the log: chunks in the hands of others, and backends that have had the
 * ledger's rows locked for some seconds. "" where there is nothing of the kind. */
bool ledger_describe_waiting(struct target_connection *connection, const char *run_id, int owner_id,
                             struct buffer *description, struct error *error) THAW_CHECK;

/* First statements of a load transaction: fence of the target FOR KEY SHARE (run and generation), then the chunk's row
 * with its token. ERROR_LOST where either isn't ours any more: with code "target" it is the target, which another run
 * has taken over (the table can't be finished by this run); with code "chunk" only the chunk, which somebody else
 * has. */
bool ledger_enter_load(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                       const char *target_schema, const char *target_table, int64_t generation,
                       struct error *error) THAW_CHECK;
/* Last statements: chunk completed, then the counters of table and run. *last: no chunk of the table is left. */
bool ledger_leave_load(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                       int64_t rows, bool *last, struct error *error) THAW_CHECK;
/* After a COMMIT whose answer was lost: did it happen? */
bool ledger_chunk_is_completed(struct target_connection *connection, const char *run_id,
                               const struct ledger_claim *claim, bool *completed, struct error *error) THAW_CHECK;

/* Own transactions, each only while the token still holds (nothing is changed, and no error, where it doesn't).
 * count_retry: retry_count + 1, the claim is kept. release: back to pending. break: the same, deadline_breaks + 1. fail: failed,
 * with the reason; counters too. */
bool ledger_count_retry(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                        const char *reason, struct error *error) THAW_CHECK;
bool ledger_release_chunk(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                          struct error *error) THAW_CHECK;
bool ledger_break_chunk(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                        struct error *error) THAW_CHECK;
bool ledger_fail_chunk(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                       const char *reason, struct error *error) THAW_CHECK;

/* What a chunk is cut into. Together the parts are the chunk, as plan_split_range() makes them, and their expected rows add up to
 * its; `reason` is kept for people. */
struct ledger_cut {
    const struct ledger_plan_chunk *parts;
    size_t count;
    const char *reason;
};
/* A claimed chunk can't be loaded at once: its row becomes that of the first of these parts, which are pending, the others get rows
 * of their own, whose chunk_ids number on from *numbered, and the table's total_chunks grows by them. Own synchronous transaction,
 * behind the fences of a load: ERROR_LOST as from ledger_enter_load(). */
bool ledger_split_chunk(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                        const char *target_schema, const char *target_table, int64_t generation,
                        const struct ledger_cut *cut, int64_t *numbered, struct error *error) THAW_CHECK;

/* The table fails (planning, reconciliation, a data error under `stop`): none of its chunks is claimed any more. Own
 * transaction. */
bool ledger_fail_table(struct target_connection *connection, const char *run_id, int64_t table_id, const char *reason,
                       struct error *error) THAW_CHECK;

/* In the load transaction, before ledger_leave_load(): add what the chunk's settings changed to the table's metadata,
 * {"nul_bytes_removed": {"rows": 1, "values": 2}, "rounded": {...}}. Nothing is written where nothing was changed. */
bool ledger_count_changes(struct target_connection *connection, const char *run_id, int64_t table_id,
                          const struct encode_changes *changes, struct error *error) THAW_CHECK;
bool ledger_read_changes(struct target_connection *connection, const char *run_id, int64_t table_id,
                         struct encode_changes *changes, struct error *error) THAW_CHECK;

/* In the load transaction: set rows aside, with their chunk. *of_table: rows of the table that are set aside by now, those of
 * other chunks that aren't committed yet left out. */
bool ledger_reject_rows(struct target_connection *connection, const struct ledger_claim *claim,
                        const struct encode_refusal *rows, size_t count, int64_t *of_table,
                        struct error *error) THAW_CHECK;
/* In the load transaction: *row is the number of a row among those of the chunk that aren't set aside, and becomes its number in the
 * chunk; both from 1. */
bool ledger_number_row(struct target_connection *connection, const struct ledger_claim *claim, int64_t *row,
                       struct error *error) THAW_CHECK;

/* ---- merging ------------------------------------------------------------------------------------------------------ */

/* In the load transaction, before ledger_leave_load(): what became of the chunk's rows. ERROR_LOST as there. */
bool ledger_count_merge(struct target_connection *connection, const struct ledger_claim *claim,
                        const struct merge_counts *counts, struct error *error) THAW_CHECK;
/* In the load transaction: merges of one target take turns, one transaction at a time; loads that don't merge go on. *locked
 * false: it is somebody else's turn. */
bool ledger_lock_merge(struct target_connection *connection, const char *target_schema, const char *target_table,
                       bool *locked, struct error *error) THAW_CHECK;
/* Append a SELECT of the transactions (xid) in which this run has loaded rows into the target. A chunk's row is completed in the
 * transaction of its rows, and never changed afterwards, so that its xmin says which that was. */
void ledger_own_transactions(struct buffer *sql, const char *run_id, const char *target_schema,
                             const char *target_table);

/* Facts with which a table is reconciled before it is completed. */
struct ledger_totals {
    int64_t total_chunks, completed_chunks, failed_chunks;
    int64_t open_chunks;        /* pending or in progress */
    int64_t rows_copied;        /* sum over chunk rows */
    int64_t rows_rejected;      /* the same of those that were set aside */
    int64_t counter_rows;       /* the table row's counter */
    int64_t expected_rows;      /* sum over chunk rows' expectation */
    struct merge_counts merged; /* sum over chunk rows; zero where nothing was merged */
    int64_t split_chunks;       /* chunks of the plan that were cut, */
    int64_t split_parts;        /* and what they are now */
    int64_t target_run_rows;    /* added by all tables of this run that feed the same target */
    int64_t target_rows_before; /* metadata target_rows_before of whichever of them stored it; -1: none did */
    /* Tables of this run, this one not counted, that feed the same target and aren't completed. */
    int64_t target_unfinished;
    char status[16];
};
/* In the caller's transaction: lock the target's fence FOR KEY SHARE and the rows of the tables that feed it FOR
 * UPDATE, so that only one of several feeders finds itself the last, and read them. ERROR_LOST with code "target" where
 * the target of a planned table is another run's. */
bool ledger_lock_totals(struct target_connection *connection, const char *run_id, int64_t table_id,
                        struct ledger_totals *totals, struct error *error) THAW_CHECK;
/* In the same transaction: the table is completed, and so counted in the run. `metadata` (JSON object text, may be
 * NULL) is merged into the row's. ERROR_LOST where the table isn't in progress, or its target's indexes aren't all
 * restored. */
bool ledger_complete_table(struct target_connection *connection, const char *run_id, int64_t table_id,
                           const char *metadata, struct error *error) THAW_CHECK;

#endif
