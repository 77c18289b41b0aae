/* What `thaw check` found, for people or for programs. */
#ifndef THAW_REPORT_CHECK_H
#define THAW_REPORT_CHECK_H

#include "base/buffer.h"
#include "run/check.h"

/* One line a finding, which begins with its grade, and at the end how many there are. */
void check_format_text(const struct check_report *report, struct buffer *text);
/* One JSON object: docs/commands.md describes it. */
void check_format_json(const struct check_report *report, struct buffer *json);

#endif
