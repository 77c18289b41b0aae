/* HTTP to services of this very machine: Lambda's runtime API, the extension that hands out secrets. No proxy, no redirect, no
 * other protocol. Built on libcurl: https://curl.se/libcurl/c/
 */
#ifndef THAW_BASE_HTTP_H
#define THAW_BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* A client and its connection, which is kept for the next request. Of one thread at a time. */
struct http;

struct http_header {
    const char *name;
    const char *value;
};

struct http_request {
    const char *url;
    const struct http_header *headers; /* header_count of them */
    size_t header_count;
    const char *body; /* NULL: GET, else POST */
    size_t body_length;
    int64_t timeout_ms; /* of the whole exchange; 0: none */
    /* Asked about once a second: true gives the request up (ERROR_STOPPED). NULL: nobody asks. */
    bool (*give_up)(void);
};

struct http_response {
    long status;
    struct buffer body;
    struct buffer headers; /* as they came, one a line */
};

bool http_open(struct http **client, struct error *error) THAW_CHECK;
void http_close(struct http **client);

/* Send `request` and read the whole answer, whatever its status. ERROR_TRANSIENT where there is none: nobody listens, the time is
 * over, the connection broke. `response` is released by the caller, also after a failure. */
bool http_perform(struct http *client, const struct http_request *request, struct http_response *response,
                  struct error *error) THAW_CHECK;
void http_response_release(struct http_response *response);

/* The value of a header (its name in any case), copied into `value`; false where there is none, or it doesn't fit. */
bool http_header(const struct http_response *response, const char *name, char *value, size_t size);

/* Append `text` as a part of a query string: everything but letters, digits and -._~ as %XX (RFC 3986). */
void http_append_escaped(struct buffer *url, const char *text);

#endif
