/* What the threads of one run share. Private to this folder.
 *
 * Who touches what: fields above a comment "guarded by run->mutex" belong to one thread or don't change once workers run;
 * those below it are read and written under the mutex only.
 */
#ifndef THAW_RUN_STATE_H
#define THAW_RUN_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/fault.h"
#include "base/log.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "plan/plan.h"
#include "plan/window.h"
#include "run/budget.h"
#include "run/reader.h"
#include "run/run.h"
#include "source/scratch.h"
#include "source/source.h"
#include "target/catalogue.h"
#include "target/connection.h"
#include "target/merge.h"

struct run;

/* A target database: its ledger holds this run's row for the tables that live there. */
struct run_database {
    struct run *run;
    const char *name;  /* NULL: libpq's own */
    pthread_t keeper;  /* see presence.h; while it runs, what is marked with K is its own, else the main thread's */
    bool kept;         /* it runs */
    struct cancel end; /* it is asked to end */
    struct target_connection control;  /* K: heartbeat, run row */
    struct target_connection presence; /* K: the open transaction that says we are alive */
    int run_number;
    bool settled;                 /* its part of the run was completed before this process began */
    struct cancel cancel;         /* presence lost: nothing is loaded there until there is a new one */
    _Atomic int64_t next_look_us; /* monotonic: when an idle worker looks at the ledger's tables next */
    atomic_int owner_id;          /* changes when the presence had to be made anew */
    int losses;                   /* K: attempts to get it back since it was lost */
    int64_t regain_at_us;         /* K, monotonic: when to try next */
    _Atomic int64_t answered_us;  /* monotonic: when it last answered a worker that asked for a chunk */
    _Atomic int64_t tell_us;      /* monotonic: when to say what is waited for, if nothing can be claimed until then */
};

/* Why the tables of a target have to be looked at again, or planned anew. */
enum group_doubt {
    GROUP_CERTAIN,
    GROUP_PLANNED_ELSEWHERE, /* another process has planned it anew: what is known of it here is old */
    GROUP_MOMENT_LOST        /* the moment at which one of its tables was to be read can't be had any more */
};

enum table_state {
    TABLE_UNPLANNED,
    TABLE_PLANNING,
    TABLE_READY,   /* its chunks may be claimed */
    TABLE_DRAINED, /* every chunk is completed: to be reconciled */
    TABLE_FINISHING,
    TABLE_HELD, /* loaded, and its target's indexes wait for another table that feeds it and has failed */
    TABLE_COMPLETED,
    TABLE_FAILED
};

/* How far the target's indexes are. */
struct index_builds {
    atomic_int total, done;
};

/* What all queries of a table see of the source. */
enum snapshot_kind {
    SNAPSHOT_UNFIXED, /* whatever is there when each of them runs */
    SNAPSHOT_AT_MOMENT,
    SNAPSHOT_MATERIALIZED
};
struct run_snapshot {
    enum snapshot_kind kind;
    char *moment;                  /* for dialect->at_moment; owned */
    struct source_scratch scratch; /* what is read instead; and its rows */
    int64_t scratch_rows;
    char *day; /* the source's date when the table was planned, where its filter may ask for it; owned; else NULL */
};

/* Which of a table's rows are read, by its watermark. */
struct run_window {
    struct plan_window rows;
    char *settings;            /* config_window_settings(); NULL where the plan was there already */
    int64_t follows;           /* table_id of the completed run whose ceiling the floor comes from */
    const char *whole_because; /* no floor was taken for this reason; NULL: one was, or there is no watermark */
};

/* How the rows of one source table become rows of its target: made when the table is prepared. */
struct run_mapping {
    struct source_table source; /* its relation is what is read: at the snapshot's moment, if there is one */
    struct run_snapshot snapshot;
    struct target_table target;
    size_t *columns; /* source columns to copy, in order */
    struct encode_target
        *targets; /* where each goes; strings borrowed from `target`, of the columns beyond written_count owned */
    size_t column_count;
    size_t
        written_count; /* the first so many go into the target; the others only decide between rows that are merged */
    enum plan_method method;
    struct source_column *keys; /* chunking columns, deep-copied; none for PLAN_WHOLE */
    size_t key_count;
    size_t *key_columns; /* of those columns, the ones that name a row in messages */
    size_t key_column_count;
    char *create_sql;   /* what makes the target, which is missing then; NULL: it is there */
    char *comments_sql; /* and comments on it */
    bool create_schema; /* the schema first */
    struct run_window window;
    char *filter; /* the user's source_filter and the window; NULL: every row, or the snapshot has it already */
    char *copy_sql;
    char *
        defer_sql; /* a load transaction begins with it: rows may reference each other in any order; NULL: nothing to defer */
    enum encode_format format; /* of COPY: text where some pair has no binary form */
    bool merges;               /* rows are merged into the target, and `merge` says how */
    struct merge merge;
};

struct run_table {
    const struct config_feed *feed;
    const struct config_table *config;
    struct run_database *database;
    struct source_relation relation; /* strings borrowed from the configuration */
    char *label;                     /* "database.schema.table", for messages */
    size_t group;                    /* tables of one target share it: index of the first of them */
    int64_t table_id;
    int deadline_breaks; /* how often a deadline had broken off its planning when this process began */
    struct index_builds builds;
    bool ran_out_settled; /* no chunk of it is left that a process was killed with; guarded by run->claiming */

    /* guarded by run->mutex */
    enum table_state state;
    /* Of the first table of a group, for all of it. No chunk is claimed meanwhile; once no worker has one in hand, it is
     * planned again. */
    enum group_doubt doubt;
    bool moment_lost; /* it is this table's */
    bool
        mapped; /* `mapping` is complete, and from then on doesn't change until no worker uses it and it is planned again */
    bool planned; /* its chunks are in the ledger */
    struct run_mapping mapping;
    int64_t generation;
    int64_t ready_us;            /* monotonic: when it was last planned, or read as planned */
    int64_t rows_before;         /* in the target when the run took it; -1: unknown */
    atomic_bool met_keys;        /* COPY has met a key that is there already: the chunks that come are merged */
    int active;                  /* workers of this process in its chunks */
    bool offered;                /* one of them asks the ledger for another: scheduler_offer() */
    int exhausted;               /* chunks whose last attempt failed since one was completed */
    int readers;                 /* and how many of them the source can have at once */
    struct budget_stream stream; /* what each takes, where memory is limited */
    int64_t chunks_total, chunks_completed;
    int64_t rows_expected, rows_committed;
    bool builds_offered; /* a worker restores its target's indexes, and others may help */
    int helpers;         /* and how many do */
    struct error failure;
};

struct worker {
    struct run *run;
    int number;
    pthread_t thread;
    struct cancel cancel;     /* the watchdog's; its parent is the database's while a chunk is in hand */
    int64_t stall_us;         /* the limit after which the watchdog asked; 0: it didn't. Guarded by run->mutex */
    int64_t stalled_since_us; /* main thread: when it asked; 0: it didn't, or something moved since */
    int64_t cancelled_us;     /* main thread: when a stop first broke off the source's call under way */
    _Atomic int64_t closing_since_us; /* monotonic: the session with the source is being ended; 0: it isn't */
    struct source_connection *source; /* changed under run->mutex: the keeper cancels it */
    struct target_connection target;
    struct run_database *connected; /* where `target` leads; NULL: nowhere */
    struct reader reader;
    _Atomic int64_t last_progress_us;
    atomic_bool loading;          /* a chunk is in hand: the watchdog looks */
    atomic_bool merging;          /* and PostgreSQL computes, in silence */
    _Atomic int64_t rows_in_hand; /* sent and not needed again, not committed */
    bool brought_last;            /* its latest chunk was its table's last one */
    atomic_bool busy;
    atomic_bool finished; /* the thread has returned */
};

struct run {
    const struct config *config;
    const struct run_options *options;
    struct log *log;
    struct faults faults;
    struct cancel cancel;  /* everything stops; at the deadline's approach by itself */
    struct cancel log_ins; /* to the source, which nothing is lost with: given up at a signal, without any grace */
    struct source *source;
    struct run_database *databases;
    size_t database_count;
    struct run_table *tables;
    size_t table_count;
    struct worker *workers;
    int worker_count;
    struct budget
        budget; /* what it is shared out for is fixed before workers start; `all` and `cache_mb` under the mutex */
    char run_id[37];
    bool resumed; /* the run was there already: resumed or joined */
    bool joined;  /* and other processes were at work on it */
    char *execution_hash, *source_names, *settings;
    int64_t started_us; /* monotonic */
    /* Monotonic, set by deadline_set(): the process must have answered; nothing is begun any more; what hangs is left behind; nothing
     * is written any more. 0: there is no deadline. */
    int64_t deadline_us, close_us, abandon_us, record_until_us;
    int64_t grace_us; /* how long a small statement that is under way then may still take */
    int64_t owned_us; /* of a live run that stands in the way, as in struct ledger_run */
    int64_t rows_at_start;
    _Atomic int64_t bytes_sent;
    atomic_bool stopping;          /* no new chunk is claimed */
    atomic_bool told_unfixed;      /* that there is no fixed snapshot; once a run */
    int64_t stall_limit_us;        /* no bytes moved while a chunk is in hand */
    int64_t first_answer_limit_us; /* the source computes its first row */
    int retry_scale_percent;       /* 100; tests shorten the waits */

    pthread_mutex_t
        claiming; /* one worker of this process claims at a time, so that a table's limit of readers holds */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* guarded by run->mutex */
    int64_t rows_here, chunks_here; /* committed by this process */
    char *hash_probe;               /* what dialect->hash_probe was when it was last asked for; NULL: it wasn't yet */
    int planning;
    char *moment; /* at which the run's tables are read, as far as they can be; NULL: not asked for yet. Owned */
};

/* Names a table, and a chunk of it, in errors and log records. */
struct log_scope run_scope(const struct run_table *table, int64_t chunk_id);

#endif
