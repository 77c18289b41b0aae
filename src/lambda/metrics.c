#include "lambda/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "report/json.h"

enum { DIMENSION_LIMIT = 250 }; /* of characters; CloudWatch takes up to 1024 */

/* Names and units: alarms are made of these, so they stay. */
static const char *const names[][2] = {{"rows", "Count"},     {"bytes", "Bytes"},      {"chunks", "Count"},
                                       {"failures", "Count"}, {"memory", "Megabytes"}, {"duration", "Seconds"}};

static void add_declarations(struct buffer *json) {
    json_member(json, "_aws");
    buffer_append(json, "{");
    json_number(json, "Timestamp", (long long)(clock_now_us() / 1000));
    json_member(json, "CloudWatchMetrics");
    buffer_append(json, "[{");
    json_text(json, "Namespace", "thaw");
    json_member(json, "Dimensions");
    buffer_append(json, "[[\"function\"], [\"function\", \"source\"]]");
    json_member(json, "Metrics");
    buffer_append(json, "[");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_element(json);
        buffer_append(json, "{");
        json_text(json, "Name", names[i][0]);
        json_text(json, "Unit", names[i][1]);
        buffer_append(json, "}");
    }
    buffer_append(json, "]}]}");
}

static long long peak_memory_mb(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss / 1024 : 0; /* of kilobytes: getrusage(2) */
}

void metrics_write(const struct metrics *metrics, struct log *log) {
    const char *function = getenv("AWS_LAMBDA_FUNCTION_NAME");
    struct buffer json = {0}, source = {0};
    char run_id[37];
    log_get_run(log, run_id);
    buffer_append_bytes(&source, metrics->source,
                        strlen(metrics->source) < DIMENSION_LIMIT ? strlen(metrics->source) : DIMENSION_LIMIT);
    buffer_append(&json, "{");
    add_declarations(&json);
    json_text(&json, "function", function != NULL ? function : "thaw");
    json_text(&json, "source", buffer_string(&source));
    json_number(&json, "rows", metrics->rows);
    json_number(&json, "bytes", metrics->bytes);
    json_number(&json, "chunks", metrics->chunks);
    json_number(&json, "failures", metrics->failures);
    json_number(&json, "memory", peak_memory_mb());
    json_member(&json, "duration");
    buffer_appendf(&json, "%.3f", (double)metrics->duration_us / 1e6);
    json_text(&json, "status", metrics->status);
    json_text(&json, "requestId", log->request_id);
    json_text(&json, "run_id", run_id[0] != '\0' ? run_id : NULL);
    buffer_append(&json, "}");
    log_object(log, &json);
    buffer_release(&json);
    buffer_release(&source);
}
