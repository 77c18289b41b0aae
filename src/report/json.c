#include "report/json.h"

#include <string.h>

static char last_character(const struct buffer *json) {
    return json->length == 0 ? '{' : json->data[json->length - 1];
}

void json_element(struct buffer *json) {
    char last = last_character(json);
    if (last != '{' && last != '[')
        buffer_append(json, ", ");
}

void json_member(struct buffer *json, const char *name) {
    json_element(json);
    buffer_append_json_string(json, name, strlen(name));
    buffer_append(json, ": ");
}

void json_text(struct buffer *json, const char *name, const char *text) {
    json_member(json, name);
    if (text == NULL)
        buffer_append(json, "null");
    else
        buffer_append_json_string(json, text, strlen(text));
}

void json_number(struct buffer *json, const char *name, long long number) {
    json_member(json, name);
    buffer_appendf(json, "%lld", number);
}
