/* Members of a JSON object, one after another: each function appends `, "name": value`, without the comma after a `{`. */
#ifndef THAW_REPORT_JSON_H
#define THAW_REPORT_JSON_H

#include <stddef.h>

#include "base/buffer.h"

void json_member(struct buffer *json, const char *name);                 /* the name; the caller appends a value */
void json_text(struct buffer *json, const char *name, const char *text); /* NULL: null */
void json_number(struct buffer *json, const char *name, long long number);
void json_element(struct buffer *json); /* the comma between the elements of an array, after the first */

#endif
