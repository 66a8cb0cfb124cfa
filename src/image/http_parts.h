/* What the files http*.c share among themselves. */
#ifndef CARREL_IMAGE_HTTP_PARTS_H
#define CARREL_IMAGE_HTTP_PARTS_H

#include "image/http.h"
#include "image/libcurl.h"

/* http_response.c: a libcurl header callback's line, and a piece of a body. -errno with `err` ends the exchange. */
int http_response_line(struct http_response *response, const char *line, size_t size, size_t *taken, struct error *err) MUST_CHECK;
int http_response_body(struct http_response *response, const struct http_request *request, const void *data, size_t size, struct error *err) MUST_CHECK;

/* http_error.c: what libcurl says, in our words. `detail` is its error buffer. -errno. */
int http_explain(CURL *curl, CURLcode code, const struct http_request *request, struct http_response *response, const char *detail, struct error *err) MUST_CHECK;

#endif
