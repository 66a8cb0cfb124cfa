/* A handle of libcurl is taken from the pool for one exchange, given all options anew (curl_easy_reset(3) keeps its connections) and put back. */
#include "image/http.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/http_parts.h"
#include "util/fd.h"

enum { POOL_MAX = 16, CONNECT_S = 30, BUFFER = 128 << 10 };

struct http {
	CURLSH *share;
	pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
	pthread_mutex_t lock; /* of the pool */
	CURL *idle[POOL_MAX];
	size_t idle_count;
	atomic_bool is_cancelled;
};

/* --- handles --- */

static void lock_share(CURL *curl, curl_lock_data data, curl_lock_access access, void *context)
{
	struct http *http = context;

	(void)curl;
	(void)access;
	(void)pthread_mutex_lock(&http->share_locks[data]);
}

static void unlock_share(CURL *curl, curl_lock_data data, void *context)
{
	struct http *http = context;

	(void)curl;
	(void)pthread_mutex_unlock(&http->share_locks[data]);
}

static void init_library(void)
{
	(void)libcurl.global_init(CURL_GLOBAL_DEFAULT);
}

int http_new(struct http **ret, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *http;
	int r = libcurl_load(err);

	if (r < 0)
		return r;
	(void)pthread_once(&once, init_library);
	http = mem_alloc(sizeof(*http));
	(void)pthread_mutex_init(&http->lock, NULL);
	for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
		(void)pthread_mutex_init(&http->share_locks[i], NULL);
	http->share = libcurl.share_init();
	if (http->share) {
		(void)libcurl.share_setopt(http->share, CURLSHOPT_LOCKFUNC, lock_share);
		(void)libcurl.share_setopt(http->share, CURLSHOPT_UNLOCKFUNC, unlock_share);
		(void)libcurl.share_setopt(http->share, CURLSHOPT_USERDATA, http);
		/* (Connections cannot be shared between threads: CURLSHOPT_SHARE(3).) */
		(void)libcurl.share_setopt(http->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
		(void)libcurl.share_setopt(http->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	}
	*ret = http;
	return 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->idle_count)
		libcurl.easy_cleanup(http->idle[--http->idle_count]);
	if (http->share)
		(void)libcurl.share_cleanup(http->share);
	for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
		(void)pthread_mutex_destroy(&http->share_locks[i]);
	(void)pthread_mutex_destroy(&http->lock);
	free(http);
}

void http_cancel(struct http *http)
{
	atomic_store(&http->is_cancelled, true);
}

bool http_is_cancelled(const struct http *http)
{
	return atomic_load(&http->is_cancelled);
}

static CURL *take_handle(struct http *http)
{
	CURL *curl = NULL;

	(void)pthread_mutex_lock(&http->lock);
	if (http->idle_count)
		curl = http->idle[--http->idle_count]; /* the last that was used: its connection is the freshest */
	(void)pthread_mutex_unlock(&http->lock);
	return curl ? curl : libcurl.easy_init();
}

static void give_back(struct http *http, CURL *curl)
{
	libcurl.easy_reset(curl);
	(void)pthread_mutex_lock(&http->lock);
	if (http->idle_count < POOL_MAX)
		http->idle[http->idle_count++] = take_ptr(curl);
	(void)pthread_mutex_unlock(&http->lock);
	libcurl.easy_cleanup(curl);
}

void http_tls_done(struct http_tls *tls)
{
	free(tls->authorities.text);
	free(tls->ca_dir);
	free(tls->certificate.text);
	if (tls->key.text)
		explicit_bzero(tls->key.text, tls->key.size);
	free(tls->key.text);
	*tls = (struct http_tls){0};
}

/* --- one exchange --- */

struct exchange {
	CURL *curl;
	const struct http *http;
	const struct http_request *request;
	struct http_response *response;
	struct error *err;
	size_t header_bytes;
	uint64_t sent;
	int authorities; /* a file without a name, for a libcurl before 7.77; -1 */
	int result; /* of our own callbacks */
	char detail[CURL_ERROR_SIZE];
};

static size_t on_header(char *data, size_t one, size_t size, void *context)
{
	struct exchange *exchange = context;

	(void)one;
	exchange->result = http_response_line(exchange->response, data, size, &exchange->header_bytes, exchange->err);
	return exchange->result < 0 ? 0 : size;
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
	struct exchange *exchange = context;

	(void)one;
	(void)libcurl.easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &exchange->response->status);
	exchange->result = http_response_body(exchange->response, exchange->request, data, size, exchange->err);
	return exchange->result < 0 ? 0 : size;
}

static int cancelled(struct exchange *exchange)
{
	exchange->response->failure = HTTP_STOPPED;
	exchange->result = error_set(exchange->err, ECANCELED, "it was given up");
	return exchange->result;
}

/* Called about once a second where nothing comes, and more often else (CURLOPT_XFERINFOFUNCTION(3)). */
static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct exchange *exchange = context;

	(void)down_total, (void)down, (void)up_total, (void)up;
	return exchange->result == 0 && http_is_cancelled(exchange->http) ? cancelled(exchange) : 0;
}

static size_t on_upload(char *buffer, size_t one, size_t size, void *context)
{
	struct exchange *exchange = context;
	const struct http_upload *upload = exchange->request->upload;
	uint64_t left = upload->size - exchange->sent;
	ssize_t n;

	size *= one;
	n = (ssize_t)(left < size ? left : size);
	if (n == 0)
		return 0;
	if (upload->data)
		memcpy(buffer, (const char *)upload->data + exchange->sent, (size_t)n);
	else
		n = pread(upload->fd, buffer, (size_t)n, (off_t)exchange->sent);
	if (n <= 0) {
		exchange->response->failure = HTTP_STOPPED;
		exchange->result = error_set(exchange->err, n < 0 ? errno : ENODATA, "cannot read what is to be sent");
		return CURL_READFUNC_ABORT;
	}
	exchange->sent += (uint64_t)n;
	if (upload->sent)
		upload->sent(upload->context, exchange->sent);
	return (size_t)n;
}

/* An idle connection that the server had closed: it is sent again on a new one. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	struct exchange *exchange = context;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	exchange->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void set_protocols(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500 /* 7.85 */
	(void)libcurl.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	(void)libcurl.easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void set_pem(CURL *curl, CURLoption option, const struct http_pem *pem)
{
	struct curl_blob blob = {.data = pem->text, .len = pem->size, .flags = CURL_BLOB_NOCOPY};

	if (pem->text)
		(void)libcurl.easy_setopt(curl, option, &blob);
}

static void set_authorities(CURL *curl, struct exchange *exchange)
{
	const struct http_pem *pem = &exchange->request->tls->authorities;
#if LIBCURL_VERSION_NUM >= 0x074d00 /* 7.77 */
	set_pem(curl, CURLOPT_CAINFO_BLOB, pem);
#else
	char path[64];

	if (!pem->text)
		return;
	exchange->authorities = memfd_create("authorities", MFD_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", exchange->authorities);
	(void)!fd_write_all(exchange->authorities, pem->text, pem->size); /* then nobody is trusted, which libcurl says */
	(void)libcurl.easy_setopt(curl, CURLOPT_CAINFO, path);
#endif
}

static void set_tls(CURL *curl, struct exchange *exchange)
{
	const struct http_request *request = exchange->request;
	const struct http_tls *tls = request->tls;

	(void)libcurl.easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (!tls)
		return;
	(void)libcurl.easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, tls->no_verify ? 0L : 1L);
	(void)libcurl.easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, tls->no_verify ? 0L : 2L);
	if (tls->no_file || tls->no_verify)
		(void)libcurl.easy_setopt(curl, CURLOPT_CAINFO, NULL);
	if (tls->ca_dir || tls->no_verify)
		(void)libcurl.easy_setopt(curl, CURLOPT_CAPATH, tls->no_verify ? NULL : tls->ca_dir);
	if (!tls->no_verify)
		set_authorities(curl, exchange);
	if (request->with_certificate) {
		set_pem(curl, CURLOPT_SSLCERT_BLOB, &tls->certificate);
		set_pem(curl, CURLOPT_SSLKEY_BLOB, &tls->key);
	}
}

/* libcurl knows all of the variables but this one, because a CGI program has it from a header ("httpoxy"). */
static void set_proxy(CURL *curl, const struct http_request *request)
{
	const char *proxy = getenv("HTTP_PROXY");

	if (request->is_loopback)
		(void)libcurl.easy_setopt(curl, CURLOPT_PROXY, "");
	else if (proxy && !getenv("http_proxy") && !getenv("REQUEST_METHOD") && !strncmp(request->url, "http:", 5))
		(void)libcurl.easy_setopt(curl, CURLOPT_PROXY, proxy);
}

static void set_upload(CURL *curl, struct exchange *exchange)
{
	(void)libcurl.easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	(void)libcurl.easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
	(void)libcurl.easy_setopt(curl, CURLOPT_READDATA, exchange);
	(void)libcurl.easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
	(void)libcurl.easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
	(void)libcurl.easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->request->upload->size);
	(void)libcurl.easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER);
}

static void set_options(struct http *http, CURL *curl, struct exchange *exchange, struct curl_slist *headers)
{
	const struct http_request *request = exchange->request;

	(void)libcurl.easy_setopt(curl, CURLOPT_URL, request->url);
	(void)libcurl.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)libcurl.easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->detail);
	(void)libcurl.easy_setopt(curl, CURLOPT_SHARE, http->share);
	(void)libcurl.easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)libcurl.easy_setopt(curl, CURLOPT_USERAGENT, "carrel/" CARREL_VERSION);
	(void)libcurl.easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	(void)libcurl.easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	(void)libcurl.easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)BUFFER);
	(void)libcurl.easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)libcurl.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	(void)libcurl.easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)libcurl.easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, request->stall_s);
	(void)libcurl.easy_setopt(curl, CURLOPT_TIMEOUT, request->timeout_s);
	(void)libcurl.easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)libcurl.easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
	(void)libcurl.easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)libcurl.easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	(void)libcurl.easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	(void)libcurl.easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)libcurl.easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
	(void)libcurl.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (request->upload)
		set_upload(curl, exchange);
	if (!strcmp(request->method, "HEAD"))
		(void)libcurl.easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (request->upload || strcmp(request->method, "GET") != 0)
		(void)libcurl.easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	set_protocols(curl);
	set_tls(curl, exchange);
	set_proxy(curl, request);
}

static struct curl_slist *make_headers(const struct http_request *request)
{
	struct curl_slist *list = libcurl.slist_append(NULL, "Expect:"); /* no second of waiting for servers that do not know it */

	for (size_t i = 0; list && i < ARRAY_SIZE(request->headers) && request->headers[i]; i++)
		list = libcurl.slist_append(list, request->headers[i]);
	return list;
}

/* OpenSSL writes to a socket by write(2): a connection that the other side has closed would end us with SIGPIPE. */
static CURLcode perform_without_sigpipe(CURL *curl)
{
	const struct timespec at_once = {0, 0};
	sigset_t pipe, before, pending;
	CURLcode code;
	bool was_pending;

	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &pipe, &before);
	code = libcurl.easy_perform(curl);
	if (!was_pending)
		(void)sigtimedwait(&pipe, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

int http_exchange(struct http *http, const struct http_request *request, struct http_response *ret, struct error *err)
{
	struct exchange exchange = {.http = http, .request = request, .response = ret, .err = err, .authorities = -1};
	struct curl_slist *headers = make_headers(request);
	CURLcode code;
	int r = 0;

	http_response_done(ret);
	if (http_is_cancelled(http)) {
		libcurl.slist_free_all(headers);
		return cancelled(&exchange);
	}
	exchange.curl = take_handle(http);
	if (!exchange.curl || !headers)
		abort(); /* no memory: as util/mem.h does */
	set_options(http, exchange.curl, &exchange, headers);
	code = perform_without_sigpipe(exchange.curl);
	(void)libcurl.easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &ret->status);
	if (exchange.result < 0 && !ret->is_cut) {
		char host[256];

		http_host_of(request->url, host, sizeof(host));
		r = ret->failure == HTTP_STOPPED ? exchange.result : error_prefix(err, "%s", host);
	} else if (code != CURLE_OK && !ret->is_cut) {
		r = http_explain(exchange.curl, code, request, ret, exchange.detail, err);
	}
	libcurl.slist_free_all(headers);
	give_back(http, exchange.curl);
	(void)fd_close(exchange.authorities);
	return r;
}
