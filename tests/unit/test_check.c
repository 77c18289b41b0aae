/* What facts mean for a run, and how it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "report/check.h"
#include "run/check.h"

/* A server at which there is nothing to remark. */
static struct target_server_facts good_server(void) {
    return (struct target_server_facts){
        .version = (char *)"18.1",
        .version_number = 180001,
        .role = (char *)"loader",
        .encoding = (char *)"UTF8",
        .max_connections = 100,
        .reserved_connections = 3,
        .used_connections = 5,
        .role_limit = -1,
        .database_limit = -1,
        .max_wal_size = INT64_C(1) << 30,
        .wal_level = (char *)"replica",
        .synchronous_commit = (char *)"on",
        .synchronous_standby_names = (char *)"",
        .fsync = true,
        .keepalive_seconds = 10,
    };
}

static const struct check_load small_load = {.workers = 6, .most_on_a_table = 6, .databases = 1, .bytes = 1000};

static const struct check_finding *find(const struct check_findings *findings, const char *code) {
    const struct check_finding *found = NULL;
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->list[i].code, code) == 0) {
            assert_null(found);
            found = &findings->list[i];
        }
    return found;
}

/* The finding of this code has this grade, and no other finding is worse than ok. */
static void assert_only(const struct check_findings *findings, const char *code, enum check_grade grade) {
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->list[i].code, code) != 0 && findings->list[i].grade != CHECK_OK)
            fail_msg("%s: %s", findings->list[i].code, findings->list[i].message);
    const struct check_finding *found = find(findings, code);
    assert_non_null(found);
    assert_int_equal(found->grade, grade);
}

static void a_good_server_has_no_remark(void **state) {
    struct check_findings findings = {0};
    struct target_server_facts facts = good_server();
    (void)state;
    check_server(&findings, &facts, &small_load);
    check_target_database(&findings, &facts);
    assert_only(&findings, "connections", CHECK_OK);
    assert_string_equal(find(&findings, "max_wal_size")->message, "max_wal_size is 1.0 GB");
    check_findings_release(&findings);
}

/* Connections: workers and two for each database. */
static void connections_are_counted(void **state) {
    static const struct {
        int workers, databases;
        int64_t maximum, used, role_limit, database_limit;
        bool superuser;
        enum check_grade grade;
    } cases[] = {
        {90, 1, 100, 5, -1, -1, false, CHECK_OK},      /* 92 needed, 92 free */
        {91, 1, 100, 5, -1, -1, false, CHECK_REMARK},  /* 93 needed, 92 free, 97 allowed */
        {95, 1, 100, 5, -1, -1, false, CHECK_REMARK},  /* 97 allowed */
        {96, 1, 100, 5, -1, -1, false, CHECK_PROBLEM}, /* 98 needed */
        {96, 1, 100, 5, -1, -1, true, CHECK_REMARK},   /* the reserved ones are a superuser's */
        {99, 1, 100, 5, -1, -1, true, CHECK_PROBLEM},  /* 101 of 100 */
        {10, 3, 100, 5, 16, -1, false, CHECK_OK},      /* 16 needed by three databases */
        {10, 3, 100, 5, 15, -1, false, CHECK_PROBLEM}, {10, 3, 100, 5, -1, 15, false, CHECK_PROBLEM},
        {10, 3, 100, 5, 15, 15, true, CHECK_OK},       /* limits don't hold for a superuser */
        {6, 1, 100, 200, -1, -1, false, CHECK_REMARK}, /* used by more than there are: counted at another moment */
        {6, 1, 100, 5, 0, -1, false, CHECK_PROBLEM},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct check_findings findings = {0};
        struct target_server_facts facts = good_server();
        facts.max_connections = cases[i].maximum;
        facts.used_connections = cases[i].used;
        facts.role_limit = cases[i].role_limit;
        facts.database_limit = cases[i].database_limit;
        facts.superuser = cases[i].superuser;
        struct check_load load = {.workers = cases[i].workers, .most_on_a_table = 1, .databases = cases[i].databases};
        check_server(&findings, &facts, &load);
        assert_only(&findings, "connections", cases[i].grade);
        assert_null(strstr(find(&findings, "connections")->message, "-"));
        check_findings_release(&findings);
    }
}

static void the_extension_lock_matters_before_16(void **state) {
    static const struct {
        int version, workers;
        bool told;
    } cases[] = {{150014, 9, true}, {150014, 8, false}, {160000, 9, false}, {140000, 256, true}, {180001, 256, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct check_findings findings = {0};
        struct target_server_facts facts = good_server();
        facts.version_number = cases[i].version;
        facts.max_connections = 1000;
        struct check_load load = {.workers = cases[i].workers, .most_on_a_table = cases[i].workers, .databases = 1};
        check_server(&findings, &facts, &load);
        assert_int_equal(find(&findings, "extension_lock") != NULL, cases[i].told);
        check_findings_release(&findings);
    }
}

static void the_load_is_held_against_the_wal(void **state) {
    static const struct {
        int64_t bytes;
        const char *hint; /* NULL: none */
    } cases[] = {
        {INT64_C(1) << 30, NULL},
        {(INT64_C(1) << 30) + 1, "max_wal_size = '2GB'"},
        {INT64_C(1500) << 30, "max_wal_size = '1501GB'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct check_findings findings = {0};
        struct target_server_facts facts = good_server();
        struct check_load load = small_load;
        load.bytes = cases[i].bytes;
        load.uncounted = (int)i;
        check_server(&findings, &facts, &load);
        assert_only(&findings, "max_wal_size", cases[i].hint == NULL ? CHECK_OK : CHECK_REMARK);
        if (cases[i].hint != NULL)
            assert_non_null(strstr(find(&findings, "max_wal_size")->hint, cases[i].hint));
        const char *disk = find(&findings, "disk_space")->message;
        assert_int_equal(strstr(disk, "1 table that") != NULL, i == 1);
        assert_int_equal(strstr(disk, "2 tables that") != NULL, i == 2);
        check_findings_release(&findings);
    }
}

static void keepalives_are_judged_where_they_matter(void **state) {
    static const struct {
        int64_t seconds;
        bool local, pooled;
        enum check_grade grade;
    } cases[] = {{10, false, false, CHECK_OK},       {0, true, false, CHECK_OK},    {0, false, false, CHECK_REMARK},
                 {7200, false, false, CHECK_REMARK}, {600, false, false, CHECK_OK}, {10, false, true, CHECK_REMARK}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct check_findings findings = {0};
        struct target_server_facts facts = good_server();
        facts.keepalive_seconds = cases[i].seconds;
        facts.local_socket = cases[i].local;
        facts.pooled = cases[i].pooled;
        check_server(&findings, &facts, &small_load);
        assert_int_equal(find(&findings, "keepalives")->grade, cases[i].grade);
        assert_int_equal(find(&findings, "pooler") != NULL, cases[i].pooled);
        check_findings_release(&findings);
    }
}

static void a_source_without_warehouse_is_no_problem_where_there_are_none(void **state) {
    struct check_findings findings = {0};
    struct source_facts facts = {
        .version = (char *)"DuckDB v1.5", .warehouse_resumes = -1, .statement_limit_seconds = -1};
    (void)state;
    check_source(&findings, &facts, NULL);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.list[0].message, "DuckDB v1.5");
    check_findings_release(&findings);
}

static void a_warehouse_is_judged_by_what_is_known(void **state) {
    static const struct {
        const char *name, *state;
        int resumes;
        bool problem;
    } cases[] = {{"W", "STARTED", 0, false},    {"W", "SUSPENDED", 1, false}, {"W", "SUSPENDED", 0, true},
                 {"W", "SUSPENDED", -1, false}, {"W", NULL, -1, false},       {NULL, NULL, -1, true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct check_findings findings = {0};
        struct source_facts facts = {.version = (char *)"Snowflake 9",
                                     .user = (char *)"LOADER",
                                     .role = (char *)"R",
                                     .has_warehouse = true,
                                     .warehouse = (char *)cases[i].name,
                                     .warehouse_state = (char *)cases[i].state,
                                     .warehouse_resumes = cases[i].resumes};
        check_source(&findings, &facts, NULL);
        assert_int_equal(find(&findings, "warehouse") != NULL, cases[i].problem);
        check_findings_release(&findings);
    }
}

/* A report with one of everything. */
static void fill(struct check_report *report) {
    memset(report, 0, sizeof *report);
    check_add(&report->source, CHECK_OK, "connection", "DuckDB %s", "v1");
    report->database_count = report->table_count = 1;
    report->databases = memory_array(1, sizeof *report->databases);
    report->tables = memory_array(1, sizeof *report->tables);
    report->databases[0].name = memory_copy_string("ware\"house");
    check_hint(check_add(&report->databases[0].findings, CHECK_REMARK, "encoding", "two\nlines"), "do\tthis");
    struct check_table *table = &report->tables[0];
    *table = (struct check_table){.source_name = "feed", .target_schema = "public", .target_table = "t"};
    table->label = memory_copy_string("main.t");
    table->pairs = memory_array(2, sizeof *table->pairs);
    table->pair_count = 2;
    for (int i = 0; i < 2; i++)
        table->pairs[i] = (struct check_pair){.source = memory_copy_string("a"),
                                              .source_type = memory_copy_string("BIGINT"),
                                              .target = memory_copy_string("b"),
                                              .target_type = memory_copy_string("point"),
                                              .refusal = i == 0 ? NULL : memory_copy_string("it doesn't fit")};
}

static void text_has_a_line_for_each_finding(void **state) {
    struct check_report report;
    struct buffer text = {0};
    (void)state;
    fill(&report);
    check_format_text(&report, &text);
    assert_string_equal(buffer_string(&text), "source\n"
                                              "  ok       DuckDB v1\n"
                                              "target database ware\"house\n"
                                              "  remark   two lines\n"
                                              "           > do this\n"
                                              "table main.t -> public.t\n"
                                              "  ok       \"a\" (BIGINT) -> \"b\" (point)\n"
                                              "  problem  \"a\" (BIGINT) -> \"b\" (point): it doesn't fit\n"
                                              "1 problem, 1 remark; nothing was changed\n");
    buffer_release(&text);
    check_release(&report);
    assert_int_equal(report.table_count, 0);
}

static void json_has_an_object_for_each_finding(void **state) {
    struct check_report report;
    struct buffer json = {0};
    (void)state;
    fill(&report);
    check_format_json(&report, &json);
    assert_string_equal(
        buffer_string(&json),
        "{\"problems\": 1, \"remarks\": 1, \"source\": {\"findings\": [{\"grade\": \"ok\", \"code\": \"connection\", "
        "\"message\": \"DuckDB v1\", \"hint\": null}]}, \"server\": {\"findings\": []}, \"databases\": [{\"database\": "
        "\"ware\\\"house\", \"findings\": [{\"grade\": \"remark\", \"code\": \"encoding\", \"message\": "
        "\"two\\nlines\", "
        "\"hint\": \"do\\tthis\"}]}], \"tables\": [{\"source_name\": \"feed\", \"source\": \"main.t\", "
        "\"target_database\": null, \"target_schema\": \"public\", \"target_table\": \"t\", \"findings\": [], "
        "\"columns\": "
        "[{\"source\": \"a\", \"source_type\": \"BIGINT\", \"target\": \"b\", \"target_type\": \"point\", \"grade\": "
        "\"ok\", "
        "\"format\": \"binary\", \"reason\": null}, {\"source\": \"a\", \"source_type\": \"BIGINT\", \"target\": "
        "\"b\", \"target_type\": "
        "\"point\", "
        "\"grade\": \"problem\", \"format\": null, \"reason\": \"it doesn't fit\"}]}]}\n");
    buffer_release(&json);
    check_release(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_server_has_no_remark),
        cmocka_unit_test(connections_are_counted),
        cmocka_unit_test(the_extension_lock_matters_before_16),
        cmocka_unit_test(the_load_is_held_against_the_wal),
        cmocka_unit_test(keepalives_are_judged_where_they_matter),
        cmocka_unit_test(a_source_without_warehouse_is_no_problem_where_there_are_none),
        cmocka_unit_test(a_warehouse_is_judged_by_what_is_known),
        cmocka_unit_test(text_has_a_line_for_each_finding),
        cmocka_unit_test(json_has_an_object_for_each_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
