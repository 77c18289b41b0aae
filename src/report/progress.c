#include "report/progress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static const int64_t often_us = 5000000;
static const int64_t seldom_us = 30000000;

void progress_init(struct progress *progress, struct log *log, bool always, bool never) {
    memset(progress, 0, sizeof *progress);
    progress->log = log;
    progress->silent = never;
    progress->terminal = isatty(log->descriptor) && log->format == LOG_TEXT;
    progress->interval_us = always ? often_us : seldom_us;
}

/* 1234567 as 1,234,567. */
static void append_number(struct buffer *text, int64_t number) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, number);
    for (int i = 0; i < length; i++) {
        if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
            buffer_append_char(text, ',');
        buffer_append_char(text, digits[i]);
    }
}

void progress_format(const struct run_progress *progress, struct buffer *text) {
    double seconds = (double)progress->elapsed_us / 1e6;
    double rate = seconds > 0 ? (double)(progress->rows_loaded - progress->rows_at_start) / seconds : 0;
    buffer_appendf(text, "%d/%d tables, %" PRId64 "/%" PRId64 " chunks, ", progress->tables_completed,
                   progress->tables_total, progress->chunks_completed, progress->chunks_total);
    append_number(text, progress->rows_loaded);
    if (progress->rows_expected > 0) {
        buffer_append(text, " of ");
        append_number(text, progress->rows_expected);
        buffer_appendf(text, " rows (%.1f %%)",
                       100.0 * (double)progress->rows_loaded / (double)progress->rows_expected);
    } else {
        buffer_append(text, " rows");
    }
    if (progress->tables_planned < progress->tables_total)
        buffer_appendf(text, ", %d tables still to plan", progress->tables_total - progress->tables_planned);
    if (rate >= 1) {
        buffer_append(text, ", ");
        append_number(text, (int64_t)rate);
        buffer_appendf(text, " rows/s, %.1f MB/s", (double)progress->bytes_sent / 1e6 / seconds);
    }
    if (rate >= 1 && progress->rows_expected > progress->rows_loaded) {
        char left[32];
        clock_format_duration((int64_t)((double)(progress->rows_expected - progress->rows_loaded) / rate * 1e6), left,
                              sizeof left);
        buffer_appendf(text, ", %s left", left);
    }
    if (progress->tables_failed > 0)
        buffer_appendf(text, ", %d tables FAILED", progress->tables_failed);
}

void progress_show(void *context, const struct run_progress *current) {
    struct progress *progress = context;
    struct buffer text = {0};
    bool due = current->elapsed_us - progress->last_us >= progress->interval_us;
    if (progress->silent || (!progress->terminal && !due))
        return;
    progress_format(current, &text);
    if (progress->terminal) {
        log_transient_line(progress->log, buffer_string(&text));
    } else {
        log_info(progress->log, "progress", "%s", buffer_string(&text));
        progress->last_us = current->elapsed_us;
    }
    buffer_release(&text);
}
