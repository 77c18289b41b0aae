#include "lambda/answer.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "report/json.h"

enum { NAMES_LIMIT = 200, TEXT_LIMIT = 8 * 1024 };

void answer_name_sources(struct answer *answer, const struct config *config) {
    answer->source_count = config->feed_count;
    answer->sources = memory_array(config->feed_count + 1, sizeof(*answer->sources));
    for (size_t i = 0; i < config->feed_count; i++)
        answer->sources[i] = memory_copy_string(config->feeds[i].source_name);
}

void answer_release(struct answer *answer) {
    for (size_t i = 0; i < answer->source_count; i++)
        memory_release(&answer->sources[i]);
    memory_release(&answer->sources);
    buffer_release(&answer->summary);
    buffer_release(&answer->error);
    *answer = (struct answer){0};
}

static void add_seconds(struct buffer *json, const char *name, int64_t duration_us) {
    json_member(json, name);
    buffer_appendf(json, "%.3f", duration_us > 0 ? (double)duration_us / 1e6 : 0);
}

static void add_names(const struct answer *answer, struct buffer *json) {
    json_member(json, "sources");
    buffer_append(json, "[");
    for (size_t i = 0; i < answer->source_count && i < NAMES_LIMIT; i++) {
        json_element(json);
        buffer_append_json_string(json, answer->sources[i], strlen(answer->sources[i]));
    }
    buffer_append(json, "]");
}

static void add_text(const struct log *log, struct buffer *json, const char *name, struct buffer *text) {
    log_redact(log, text);
    if (text->length == 0) {
        json_text(json, name, NULL);
        return;
    }
    if (text->length > TEXT_LIMIT) {
        text->length = TEXT_LIMIT;
        text->data[TEXT_LIMIT] = '\0';
        buffer_append(text, " ...");
    }
    json_text(json, name, text->data);
}

void answer_format(struct answer *answer, const struct log *log, int64_t deadline_us, struct buffer *json) {
    buffer_append(json, "{");
    json_number(json, "statusCode", answer->status_code);
    json_member(json, "body");
    buffer_append(json, "{");
    json_text(json, "status", answer->status);
    json_text(json, "run_id", answer->run_id[0] != '\0' ? answer->run_id : NULL);
    add_names(answer, json);
    json_number(json, "total_sources", (long long)answer->source_count);
    json_number(json, "sources_completed", answer->sources_completed);
    json_number(json, "sources_partial", answer->sources_partial);
    json_number(json, "sources_failed", answer->sources_failed);
    json_number(json, "total_rows_migrated", (long long)answer->rows);
    add_seconds(json, "duration_seconds", clock_monotonic_us() - answer->started_us);
    add_seconds(json, "remaining_time_seconds", deadline_us - clock_now_us());
    json_member(json, "needs_retry");
    buffer_append(json, answer->needs_retry ? "true" : "false");
    json_member(json, "progress_percent");
    buffer_appendf(json, "%.1f", answer->progress * 100);
    add_text(log, json, "summary", &answer->summary);
    add_text(log, json, "error", &answer->error);
    buffer_append(json, "}}");
}
