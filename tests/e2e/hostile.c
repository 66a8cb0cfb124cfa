/* One thread accepts; each connection has a thread, which ends when the client or hostile_stop ends the connection. */
#include "e2e/hostile.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"
#include "util/mem.h"

enum { ROUTES_MAX = 64, CONNECTIONS_MAX = 256, HEAD_MAX = 64 << 10, PIECE = 1024, LARGE_PIECE = 64 << 10, LOG_BODY_MAX = 4096 };

struct hostile {
	int listener;
	char host[32];
	pthread_t acceptor;
	atomic_bool is_ending;

	pthread_mutex_t lock; /* of all below */
	struct hostile_route routes[ROUTES_MAX];
	int used[ROUTES_MAX];
	size_t route_count;
	struct buf log;       /* a request, a zero byte, the next one … */
	char *shown;
	int open[CONNECTIONS_MAX];
	pthread_t threads[CONNECTIONS_MAX];
	int connections;
};

struct connection {
	struct hostile *hostile;
	int fd;
};

struct request {
	struct buf text; /* head and body */
	size_t head_size, body_size;
	char method[16], target[2048];
};

/* --- reading a request --- */

static const char *header_of(const struct request *request, const char *name)
{
	for (const char *line = strstr(request->text.text, "\r\n"); line && line[2] && line[2] != '\r'; line = strstr(line + 2, "\r\n"))
		if (!strncasecmp(line + 2, name, strlen(name)) && line[2 + strlen(name)] == ':')
			return line + 3 + strlen(name) + strspn(line + 3 + strlen(name), " ");
	return NULL;
}

static bool receive(int fd, struct buf *text)
{
	char piece[4096];
	ssize_t n = recv(fd, piece, sizeof(piece), 0);

	if (n > 0)
		buf_add(text, piece, (size_t)n);
	return n > 0;
}

/* 1: a request, 0: the end of the connection, -1: no HTTP. */
static int read_request(int fd, struct request *request)
{
	const char *end = NULL, *length;
	size_t rest;

	while (!end) {
		if (!receive(fd, &request->text))
			return 0;
		if (request->text.text[0] < 'A' || request->text.text[0] > 'Z' || request->text.size > HEAD_MAX)
			return -1;
		end = strstr(request->text.text, "\r\n\r\n");
	}
	request->head_size = (size_t)(end - request->text.text) + 4;
	if (sscanf(request->text.text, "%15s %2047s", request->method, request->target) != 2)
		return -1;
	length = header_of(request, "Content-Length");
	request->body_size = length ? strtoul(length, NULL, 10) : 0;
	/* What is uploaded is counted and thrown away, but for its beginning. */
	rest = request->text.size - request->head_size;
	while (rest < request->body_size) {
		struct buf more = {0};

		if (!receive(fd, &more))
			return 0;
		rest += more.size;
		if (request->text.size < request->head_size + LOG_BODY_MAX)
			buf_add(&request->text, more.text, more.size);
		buf_done(&more);
	}
	return 1;
}

/* --- choosing the answer --- */

static bool matches(const struct hostile_route *route, const struct request *request)
{
	size_t length = strlen(route->path);

	if (route->method && strcmp(route->method, request->method) != 0)
		return false;
	if (length && route->path[length - 1] == '*')
		return !strncmp(route->path, request->target, length - 1);
	return !strcmp(route->path, request->target);
}

static struct hostile_answer choose(struct hostile *hostile, const struct request *request)
{
	struct hostile_answer answer = {.status = 404, .headers = "Content-Type: application/json\r\n",
	    .body = "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"no such thing here\"}]}"};
	size_t i;

	(void)pthread_mutex_lock(&hostile->lock);
	buf_add(&hostile->log, request->text.text, request->text.size);
	buf_add(&hostile->log, "", 1);
	for (i = hostile->route_count; i > 0 && !matches(&hostile->routes[i - 1], request);)
		i--;
	if (i > 0) {
		const struct hostile_answer *answers = hostile->routes[i - 1].answers;
		int which = 0, before = 0;

		while (answers[which].times && hostile->used[i - 1] >= before + answers[which].times && which + 1 < HOSTILE_ANSWERS)
			before += answers[which++].times;
		hostile->used[i - 1]++;
		answer = answers[which];
	}
	(void)pthread_mutex_unlock(&hostile->lock);
	if (answer.needs && !strstr(request->text.text, answer.needs))
		answer = (struct hostile_answer){.status = 401, .headers = answer.or_else};
	return answer;
}

/* --- giving it --- */

/* Or until the other side goes, or we are stopped. */
static void sleep_ms(const struct connection *connection, int ms)
{
	struct pollfd end = {.fd = connection->fd, .events = POLLRDHUP};

	(void)poll(&end, 1, ms);
}

static bool send_bytes(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static void reset(int fd)
{
	const struct linger at_once = {1, 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* The body from `from` to `to`; it repeats. False: the connection is to end. */
static bool send_body(const struct connection *connection, const struct hostile_answer *answer, const char *body, size_t size, long long from, long long to)
{
	size_t piece = answer->pause_ms ? PIECE : LARGE_PIECE;
	long long sent = 0;

	while ((from < to || answer->endless) && size > 0 && !connection->hostile->is_ending) {
		size_t offset = (size_t)(from % (long long)size), n = size - offset < piece ? size - offset : piece;
		char chunk[32];

		if (!answer->endless && (long long)n > to - from)
			n = (size_t)(to - from);
		if (answer->cut_after && (long long)n > (long long)answer->cut_after - sent)
			n = answer->cut_after - (size_t)sent;
		(void)snprintf(chunk, sizeof(chunk), "%zx\r\n", n);
		if (answer->endless && !send_bytes(connection->fd, chunk, strlen(chunk)))
			return false;
		if (!send_bytes(connection->fd, body + offset, n) || (answer->endless && !send_bytes(connection->fd, "\r\n", 2)))
			return false;
		from += (long long)n;
		sent += (long long)n;
		if (answer->cut_after && sent >= (long long)answer->cut_after) {
			sleep_ms(connection, 20); /* a reset makes the other side forget what it has not read yet */
			reset(connection->fd);
			return false;
		}
		if (answer->pause_ms)
			sleep_ms(connection, answer->pause_ms);
	}
	return true;
}

static long long range_of(const struct hostile_answer *answer, const struct request *request, long long total)
{
	const char *range = answer->ranges ? header_of(request, "Range") : NULL;
	long long from = 0;

	if (range && sscanf(range, "bytes=%lld-", &from) == 1 && from > 0 && from < total)
		return from;
	return 0;
}

/* False: the connection is to end. */
static bool give(const struct connection *connection, const struct request *request, const struct hostile_answer *answer, const char *body, size_t size)
{
	long long total = answer->total ? answer->total : (long long)size, from = range_of(answer, request, total);
	struct buf head = {0};
	bool goes_on;

	buf_printf(&head, "HTTP/1.1 %d %s\r\n%s", from ? 206 : answer->status ? answer->status : 200, "As Scripted", answer->headers ? answer->headers : "");
	if (from)
		buf_printf(&head, "Content-Range: bytes %lld-%lld/%lld\r\n", from, total - 1, total);
	if (answer->endless)
		buf_puts(&head, "Transfer-Encoding: chunked\r\n");
	else if (answer->announce == HOSTILE_NO_LENGTH)
		buf_puts(&head, "Connection: close\r\n");
	else
		buf_printf(&head, "Content-Length: %lld\r\n", answer->announce ? answer->announce : total - from);
	buf_puts(&head, "\r\n");
	goes_on = send_bytes(connection->fd, head.text, head.size);
	buf_done(&head);
	if (!goes_on || !strcmp(request->method, "HEAD"))
		return goes_on;
	goes_on = send_body(connection, answer, body, size, from, total);
	return goes_on && !answer->announce; /* whoever lied about the length cannot go on */
}

/* A body that repeats is sent in large pieces. */
static char *repeated(const char *body, size_t *size)
{
	size_t times = LARGE_PIECE / *size;
	char *text = mem_alloc(times * *size);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * *size, body, *size);
	*size *= times;
	return text;
}

static bool answer_one(const struct connection *connection, const struct request *request)
{
	struct hostile_answer answer = choose(connection->hostile, request);
	cleanup_free char *content = NULL;
	size_t size = answer.size ? answer.size : answer.body ? strlen(answer.body) : 0;

	if (answer.delay_ms)
		sleep_ms(connection, answer.delay_ms);
	if (answer.raw) {
		(void)send_bytes(connection->fd, answer.raw, strlen(answer.raw));
		return false;
	}
	if (answer.file && fd_slurp_at(AT_FDCWD, answer.file, 1 << 30, &content, &size) < 0)
		return false;
	if ((answer.total || answer.endless) && !content && size > 0 && size < LARGE_PIECE)
		content = repeated(answer.body, &size);
	return give(connection, request, &answer, content ? content : answer.body, size);
}

/* --- threads --- */

static void *serve(void *context)
{
	struct connection *connection = context;
	static const char no_http[] = "HTTP/1.0 400 Bad Request\r\n\r\nthis is http\n";
	bool goes_on = true;

	while (goes_on) {
		struct request request = {0};
		int r = read_request(connection->fd, &request);

		if (r < 0)
			(void)send_bytes(connection->fd, no_http, strlen(no_http));
		goes_on = r > 0 && answer_one(connection, &request);
		buf_done(&request.text);
	}
	(void)pthread_mutex_lock(&connection->hostile->lock);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (connection->hostile->open[i] == connection->fd)
			connection->hostile->open[i] = -1;
	(void)close(connection->fd);
	(void)pthread_mutex_unlock(&connection->hostile->lock);
	free(connection);
	return NULL;
}

static void *accept_all(void *context)
{
	struct hostile *hostile = context;

	for (;;) {
		int fd = accept4(hostile->listener, NULL, NULL, SOCK_CLOEXEC);
		struct connection *connection;

		if (fd < 0 && errno == EINTR)
			continue;
		if (fd < 0 || hostile->is_ending || hostile->connections == CONNECTIONS_MAX)
			return NULL;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(const int){1}, sizeof(int)); /* what is sent before a reset must have gone */
		connection = mem_alloc(sizeof(*connection));
		*connection = (struct connection){hostile, fd};
		(void)pthread_mutex_lock(&hostile->lock);
		hostile->open[hostile->connections] = fd;
		cr_assert_eq(pthread_create(&hostile->threads[hostile->connections], NULL, serve, connection), 0);
		hostile->connections++;
		(void)pthread_mutex_unlock(&hostile->lock);
	}
}

struct hostile *hostile_start(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct hostile *hostile = mem_alloc(sizeof(*hostile));
	socklen_t size = sizeof(address);

	(void)pthread_mutex_init(&hostile->lock, NULL);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		hostile->open[i] = -1;
	hostile->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(hostile->listener >= 0 && bind(hostile->listener, (struct sockaddr *)&address, size) == 0 && listen(hostile->listener, 64) == 0 &&
	              getsockname(hostile->listener, (struct sockaddr *)&address, &size) == 0,
	    "no server: %s", strerror(errno));
	(void)snprintf(hostile->host, sizeof(hostile->host), "127.0.0.1:%d", ntohs(address.sin_port));
	cr_assert_eq(pthread_create(&hostile->acceptor, NULL, accept_all, hostile), 0);
	return hostile;
}

void hostile_stop(struct hostile *hostile)
{
	hostile->is_ending = true;
	(void)shutdown(hostile->listener, SHUT_RDWR);
	(void)pthread_join(hostile->acceptor, NULL);
	(void)pthread_mutex_lock(&hostile->lock);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (hostile->open[i] >= 0)
			(void)shutdown(hostile->open[i], SHUT_RDWR);
	(void)pthread_mutex_unlock(&hostile->lock);
	for (int i = 0; i < hostile->connections; i++)
		(void)pthread_join(hostile->threads[i], NULL);
	(void)close(hostile->listener);
	(void)pthread_mutex_destroy(&hostile->lock);
	buf_done(&hostile->log);
	free(hostile->shown);
	free(hostile);
}

const char *hostile_host(const struct hostile *hostile)
{
	return hostile->host;
}

void hostile_route(struct hostile *hostile, const struct hostile_route *route)
{
	(void)pthread_mutex_lock(&hostile->lock);
	cr_assert(hostile->route_count < ROUTES_MAX, "too many routes");
	hostile->routes[hostile->route_count++] = *route;
	(void)pthread_mutex_unlock(&hostile->lock);
}

/* --- what came --- */

int hostile_requests(struct hostile *hostile, const char *text)
{
	int count = 0;

	(void)pthread_mutex_lock(&hostile->lock);
	for (size_t at = 0; at < hostile->log.size; at += strlen(hostile->log.text + at) + 1)
		count += strstr(hostile->log.text + at, text) != NULL;
	(void)pthread_mutex_unlock(&hostile->lock);
	return count;
}

int hostile_connections(struct hostile *hostile)
{
	int count;

	(void)pthread_mutex_lock(&hostile->lock);
	count = hostile->connections;
	(void)pthread_mutex_unlock(&hostile->lock);
	return count;
}

const char *hostile_log(struct hostile *hostile)
{
	(void)pthread_mutex_lock(&hostile->lock);
	free(hostile->shown);
	hostile->shown = mem_alloc(hostile->log.size + 1);
	for (size_t i = 0; i < hostile->log.size; i++)
		hostile->shown[i] = hostile->log.text[i] ? hostile->log.text[i] : '\n';
	(void)pthread_mutex_unlock(&hostile->lock);
	return hostile->shown;
}
