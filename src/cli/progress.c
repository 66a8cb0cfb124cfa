/* The view keeps what was reported; a thread of its own draws it, at most ten times a second and only where something changed. So a report costs a lock and a few
 * words, and a last report before a long silence is drawn too. The thread is made with the first report and not before: whoever confines itself does that
 * while it has one thread.
 *
 * The cursor always stands below the picture and nothing about the terminal is changed, so that a signal may end us at any moment.
 */
#include "cli/progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/progress_format.h"
#include "cli/top.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/proc.h"

enum {
	DRAW_MS = 100,
	RATE_MS = 500, /* a rate is that of at least so long */
	WIDTH = 80, HEIGHT = 24, /* of a terminal that does not say */
};

enum view_kind { VIEW_NOTHING, VIEW_LINES, VIEW_PICTURE };

struct view_rate {
	uint64_t done;
	int64_t since_ms;
};

struct progress_view {
	enum view_kind kind;
	struct progress progress;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	struct progress_item *items;
	struct view_rate *rates; /* one for each item */
	size_t count;
	struct buf said;     /* lines that stand above the picture, not written yet */
	size_t drawn;        /* lines of the picture as it stands there */
	bool dirty, ending, has_thread;
	pthread_t thread;
};

/* --- the picture --- */

/* What nobody takes (a closed terminal) nobody reads either; the work goes on. */
static void put(const struct buf *out)
{
	if (out->size)
		(void)!fd_write_all(STDERR_FILENO, out->text, out->size);
}

/* With the lock. One write, from where the last picture began: nothing flickers. */
static void draw(struct progress_view *view)
{
	struct winsize size = {0};
	cleanup_buf struct buf out = {0};

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 2 || size.ws_col < 2)
		size = (struct winsize){.ws_row = HEIGHT, .ws_col = WIDTH};
	if (view->drawn)
		buf_printf(&out, "\033[%zuA", view->drawn);
	if (view->said.size) {
		buf_puts(&out, "\033[J");
		buf_add(&out, view->said.text, view->said.size);
		view->said.size = 0;
	}
	/* The last line is the cursor's, and the last column stays free: some terminals go to the next line there. */
	view->drawn = progress_format_picture(view->items, view->count, size.ws_col - 1U, size.ws_row - 1U, &out);
	buf_puts(&out, "\033[J");
	put(&out);
	view->dirty = false;
}

static void measure(struct progress_view *view)
{
	int64_t now = proc_now_ms();

	for (size_t i = 0; i < view->count; i++) {
		struct progress_item *item = &view->items[i];
		struct view_rate *rate = &view->rates[i];
		int64_t passed = now - rate->since_ms;

		if (passed < RATE_MS || item->done < rate->done)
			continue;
		uint64_t fresh = (item->done - rate->done) * 1000 / (uint64_t)passed;
		item->rate = item->rate ? (item->rate + fresh) / 2 : fresh;
		*rate = (struct view_rate){.done = item->done, .since_ms = now};
	}
}

static void *draw_until_end(void *context)
{
	const struct timespec pause = {.tv_nsec = DRAW_MS * 1000000L};
	struct progress_view *view = context;

	(void)pthread_mutex_lock(&view->lock);
	while (!view->ending) {
		if (!view->dirty) {
			(void)pthread_cond_wait(&view->changed, &view->lock);
			continue;
		}
		measure(view);
		draw(view);
		(void)pthread_mutex_unlock(&view->lock);
		(void)nanosleep(&pause, NULL);
		(void)pthread_mutex_lock(&view->lock);
	}
	(void)pthread_mutex_unlock(&view->lock);
	return NULL;
}

/* Without a thread, which only a limit of tasks can deny, the end is all that is drawn. Signals are for the threads of the work. */
static void start(struct progress_view *view)
{
	sigset_t all, before;

	if (view->has_thread)
		return;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	view->has_thread = pthread_create(&view->thread, NULL, draw_until_end, view) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- what is told --- */

static struct progress_item *find(struct progress_view *view, const char *name)
{
	for (size_t i = 0; i < view->count; i++)
		if (!strcmp(view->items[i].name, name))
			return &view->items[i];
	view->items = mem_resize(view->items, view->count + 1, sizeof(*view->items));
	view->rates = mem_resize(view->rates, view->count + 1, sizeof(*view->rates));
	/* (the phase that nothing is told of again) */
	view->items[view->count] = (struct progress_item){.name = mem_strdup(name), .phase = PROGRESS_WAITING, .work = PROGRESS_DONE};
	view->rates[view->count] = (struct view_rate){.since_ms = proc_now_ms()};
	return &view->items[view->count++];
}

static void report(void *context, const char *name, enum progress_phase phase, uint64_t done, uint64_t total)
{
	struct progress_view *view = context;
	struct progress_item *item;
	bool entered;

	(void)pthread_mutex_lock(&view->lock);
	item = find(view, name);
	entered = item->phase != phase;
	if (entered) {
		view->rates[item - view->items] = (struct view_rate){.done = done, .since_ms = proc_now_ms()};
		item->rate = 0;
	}
	item->phase = phase;
	item->done = done;
	item->total = total;
	if (phase != PROGRESS_WAITING && phase != PROGRESS_RETRYING && phase != PROGRESS_EXISTS && phase != PROGRESS_DONE)
		item->work = phase;
	if (view->kind == VIEW_LINES && entered) {
		cleanup_buf struct buf out = {0};

		progress_format_log(item, &out);
		put(&out);
	} else if (view->kind == VIEW_PICTURE) {
		view->dirty = true;
		start(view);
		(void)pthread_cond_signal(&view->changed);
	}
	(void)pthread_mutex_unlock(&view->lock);
}

static void say(void *context, const char *text)
{
	struct progress_view *view = context;

	(void)pthread_mutex_lock(&view->lock);
	(void)top_put_text(&view->said, text, SIZE_MAX);
	buf_puts(&view->said, "\n");
	if (view->kind == VIEW_PICTURE && view->has_thread) {
		view->dirty = true;
		(void)pthread_cond_signal(&view->changed);
	} else {
		put(&view->said);
		view->said.size = 0;
	}
	(void)pthread_mutex_unlock(&view->lock);
}

/* --- */

static bool is_screen(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

struct progress_view *progress_view_new(bool quiet)
{
	struct progress_view *view = mem_alloc(sizeof(*view));

	view->kind = quiet ? VIEW_NOTHING : is_screen() ? VIEW_PICTURE : VIEW_LINES;
	(void)pthread_mutex_init(&view->lock, NULL);
	(void)pthread_cond_init(&view->changed, NULL);
	if (!quiet)
		view->progress = (struct progress){.report = report, .say = say, .context = view};
	return view;
}

const struct progress *progress_view_progress(struct progress_view *view)
{
	return &view->progress;
}

void progress_view_free(struct progress_view *view)
{
	if (!view)
		return;
	if (view->has_thread) {
		(void)pthread_mutex_lock(&view->lock);
		view->ending = true;
		(void)pthread_cond_signal(&view->changed);
		(void)pthread_mutex_unlock(&view->lock);
		(void)pthread_join(view->thread, NULL);
	}
	if (view->dirty)
		draw(view);
	for (size_t i = 0; i < view->count; i++)
		free(view->items[i].name);
	free(view->items);
	free(view->rates);
	buf_done(&view->said);
	(void)pthread_cond_destroy(&view->changed);
	(void)pthread_mutex_destroy(&view->lock);
	free(view);
}
