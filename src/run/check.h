/* A look at both ends before a run: everything that would stop it, slow it or surprise its owner, at once. It changes
 * nothing anywhere: the source is only asked, and what PostgreSQL is asked, it is asked in read-only transactions.
 */
#ifndef THAW_RUN_CHECK_H
#define THAW_RUN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "source/facts.h"
#include "target/facts.h"

enum check_grade {
    CHECK_OK,
    CHECK_REMARK, /* a run would work; worth knowing */
    CHECK_PROBLEM /* a run would fail, or load nothing into that table */
};

/* One thing that was looked at. */
struct check_finding {
    enum check_grade grade;
    const char *code; /* "max_wal_size": the same for ever, for programs; docs/commands.md lists them */
    char *message;
    char *hint; /* what to do; NULL where nothing is to be done */
};

struct check_findings {
    struct check_finding *list;
    size_t count;
};

/* A source column and the target column that it goes into. */
struct check_pair {
    char *source, *source_type;
    char *target, *target_type;
    char *refusal; /* why values of the one can't go into the other; NULL: they can */
    bool text;     /* only in COPY's text format, in which the whole table is sent then */
};

struct check_database {
    char *name; /* as the server says it, or as it is configured where nobody answered */
    struct check_findings findings;
};

struct check_table {
    const char *source_name; /* borrowed from the configuration, like the next three */
    const char *target_database;
    const char *target_schema, *target_table;
    char *label; /* "database.schema.table" of the source */
    struct check_findings findings;
    struct check_pair *pairs;
    size_t pair_count;
};

struct check_report {
    struct check_findings source;
    struct check_findings server; /* all target databases are on one */
    struct check_database *databases;
    size_t database_count;
    struct check_table *tables;
    size_t table_count;
};

/* Look at everything that `config`, which must outlive the report, names. What fails is a finding like any other. */
void check_run(const struct config *config, struct log *log, struct check_report *report);
/* The same of the connections alone: the source, the server, the databases. */
void check_connections(const struct config *config, struct log *log, struct check_report *report);
void check_release(struct check_report *report);
/* How many findings, and refused pairs, of this grade there are. */
size_t check_count(const struct check_report *report, enum check_grade grade);

/* ---- the parts, each on its own ------------------------------------------------------------------------------------- */

/* Add a finding; the text is copied. Returns it, for check_hint(). */
struct check_finding *check_add(struct check_findings *findings, enum check_grade grade, const char *code,
                                const char *format, ...) THAW_PRINTF(4, 5);
void check_hint(struct check_finding *finding, const char *format, ...) THAW_PRINTF(2, 3);
void check_findings_release(struct check_findings *findings);

/* What a run would ask of a server. */
struct check_load {
    int workers;
    int most_on_a_table; /* of those, at once in one table */
    int databases;
    int64_t bytes; /* roughly, of the tables whose rows the source's catalogue counts */
    int uncounted; /* tables that aren't in `bytes`: views, and what could not be described */
};

/* Judge facts; pure. */
void check_server(struct check_findings *findings, const struct target_server_facts *facts,
                  const struct check_load *load);
void check_target_database(struct check_findings *findings, const struct target_server_facts *facts);
void check_target_table(struct check_findings *findings, const struct target_table_facts *facts, bool truncate);
void check_source(struct check_findings *findings, const struct source_facts *facts, const char *warehouse);

#endif
