#include "base/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum { BODY_LIMIT = 32 * 1024 * 1024 };

struct http {
    CURL *curl;
    char reason[CURL_ERROR_SIZE];
};

bool http_open(struct http **result, struct error *error) {
    struct http *client = memory_allocate(sizeof *client);
    *result = client;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && (client->curl = curl_easy_init()) != NULL)
        return true;
    memory_release(result);
    return error_set(error, ERROR_INTERNAL, "libcurl could not be initialised");
}

void http_close(struct http **client) {
    if (*client == NULL)
        return;
    curl_easy_cleanup((*client)->curl);
    curl_global_cleanup();
    memory_release(client);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct http_response *response = context;
    if (response->body.length + size * count > BODY_LIMIT)
        return 0; /* libcurl takes that for a failure */
    buffer_append_bytes(&response->body, bytes, size * count);
    return size * count;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    struct http_response *response = context;
    if (size * count >= 5 && strncmp(bytes, "HTTP/", 5) == 0)
        buffer_clear(&response->headers); /* of an interim answer (1xx) */
    buffer_append_bytes(&response->headers, bytes, size * count);
    return size * count;
}

static int look_up(void *context, curl_off_t total, curl_off_t now, curl_off_t upload_total, curl_off_t upload_now) {
    const struct http_request *request = context;
    (void)total, (void)now, (void)upload_total, (void)upload_now;
    return request->give_up != NULL && request->give_up() ? 1 : 0;
}

static struct curl_slist *header_list(const struct http_request *request) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no wait for "100 Continue" */
    for (size_t i = 0; i < request->header_count; i++) {
        struct buffer line = {0};
        buffer_appendf(&line, "%s: %s", request->headers[i].name, request->headers[i].value);
        list = curl_slist_append(list, line.data);
        memory_wipe(line.data, line.length);
        buffer_release(&line);
    }
    return list;
}

static void prepare(struct http *client, const struct http_request *request, struct http_response *response,
                    struct curl_slist *headers) {
    CURL *curl = client->curl;
    curl_easy_reset(curl);
    client->reason[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, response);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, response);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request);
    if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    }
}

bool http_perform(struct http *client, const struct http_request *request, struct http_response *response,
                  struct error *error) {
    memset(response, 0, sizeof *response);
    struct curl_slist *headers = header_list(request);
    prepare(client, request, response, headers);
    CURLcode code = curl_easy_perform(client->curl);
    for (struct curl_slist *header = headers; header != NULL; header = header->next)
        memory_wipe(header->data, strlen(header->data)); /* one of them may be a token */
    curl_slist_free_all(headers);
    if (code == CURLE_OK) {
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &response->status);
        return true;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(error, ERROR_STOPPED, "given up on request");
    return error_set(error, ERROR_TRANSIENT, "%s",
                     client->reason[0] != '\0' ? client->reason : curl_easy_strerror(code));
}

void http_response_release(struct http_response *response) {
    if (response->body.data != NULL)
        memory_wipe(response->body.data, response->body.length); /* it may be a secret */
    buffer_release(&response->body);
    buffer_release(&response->headers);
    response->status = 0;
}

bool http_header(const struct http_response *response, const char *name, char *value, size_t size) {
    size_t name_length = strlen(name);
    for (const char *line = buffer_string(&response->headers); *line != '\0';) {
        const char *end = line + strcspn(line, "\r\n");
        if (strncasecmp(line, name, name_length) == 0 && line[name_length] == ':') {
            const char *from = line + name_length + 1;
            from += strspn(from, " \t");
            size_t length = (size_t)(end - from);
            if (length >= size)
                return false;
            memcpy(value, from, length);
            value[length] = '\0';
            return true;
        }
        line = end + strspn(end, "\r\n");
    }
    return false;
}

void http_append_escaped(struct buffer *url, const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x80 && (isalnum(byte) || strchr("-._~", byte) != NULL))
            buffer_append_char(url, *at);
        else
            buffer_appendf(url, "%%%02X", byte);
    }
}
