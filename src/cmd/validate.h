/* thaw validate: every problem of a configuration at once. */
#ifndef THAW_CMD_VALIDATE_H
#define THAW_CMD_VALIDATE_H

#include <stdbool.h>
#include <stdio.h>

/* Load `file` with `env_file` (NULL: none) and write to `out` what there is to say of it, for people or (`json`) as one
 * JSON object:
 *
 *   {"file": "config.json", "valid": false, "sources": 0, "tables": 0, "problems": [
 *     {"file": "config.json", "path": "$.sources[0].foo", "line": 12, "column": 5, "message": "...", "hint": "..."}]}
 *
 * line and column are null where unknown, hint where there is none; sources and tables count what is enabled.
 * *exit_status is 0 or 2. False where `out` could not be written. */
bool validate_report(const char *file, const char *env_file, bool json, FILE *out, int *exit_status);

#endif
