#include "isolate/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "util/fd.h"

/* --- facts and plan --------------------------------------------------------------------------------------------------------------------- */

/* Since 5.14 RLIMIT_NPROC counts the processes of a user in a user namespace; before, all that the user has on the machine. */
static bool kernel_counts_by_namespace(void)
{
	struct utsname name;
	unsigned major, minor;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 && (major > 5 || (major == 5 && minor >= 14));
}

int limits_read_facts(struct arena *arena, struct limits_facts *ret, struct error *err)
{
	struct limits_facts facts = {.counts_tasks_of_namespace = kernel_counts_by_namespace()};
	int r = cgroup_read_facts(arena, &facts.cgroup, err);

	if (r == 0 && !facts.cgroup.parent)
		r = scope_read_facts(arena, getenv("XDG_RUNTIME_DIR"), getenv("DBUS_SESSION_BUS_ADDRESS"), facts.cgroup.mount, &facts.scope, err);
	if (r == 0)
		*ret = facts;
	return r;
}

static bool has_controller(unsigned controllers, enum limit limit)
{
	unsigned needed = cgroup_controller_of(limit);

	return needed && (controllers & needed);
}

static enum limit_rung rung_without_cgroup(const struct limits_plan *plan, enum limit limit)
{
	const struct limit_spec *spec = &plan->spec;

	switch (limit) {
	case LIMIT_MEMORY:
	case LIMIT_CPUS:
		return LIMIT_RUNG_WATCHER;
	case LIMIT_TASKS:
		return plan->facts.counts_tasks_of_namespace ? LIMIT_RUNG_RLIMIT : LIMIT_RUNG_WATCHER;
	case LIMIT_SWAP: /* the watcher counts what is swapped out as memory, so both together stay below the memory limit */
		return spec->values[LIMIT_MEMORY].is_set ? LIMIT_RUNG_WATCHER : LIMIT_RUNG_NONE;
	case LIMIT_CPUSET:
		return LIMIT_RUNG_AFFINITY;
	case LIMIT_CPU_WEIGHT: /* more than others have is not ours to give */
		return spec->values[LIMIT_CPU_WEIGHT].value <= 100 ? LIMIT_RUNG_NICE : LIMIT_RUNG_NONE;
	case LIMIT_SCRATCH:
		return spec->scratch_on_disk ? LIMIT_RUNG_WATCHER : LIMIT_RUNG_TMPFS;
	default:
		return LIMIT_RUNG_NONE;
	}
}

static const char *reason(const struct limits_plan *plan, struct arena *arena, enum limit limit)
{
	const struct limits_facts *facts = &plan->facts;

	if (limit == LIMIT_CPU_WEIGHT && plan->rungs[limit] == LIMIT_RUNG_NONE)
		return "a weight above 100 needs a cgroup";
	if (facts->cgroup.parent || facts->scope.socket)
		return "the cgroup that is to be had here lacks the controller for it";
	return arena_printf(arena, "it needs a cgroup: %s; %s", facts->cgroup.why_not ? facts->cgroup.why_not : "none is delegated",
	    facts->scope.why_not ? facts->scope.why_not : "no systemd of the user's");
}

static void choose_rung(struct limits_plan *plan, struct arena *arena, enum limit limit)
{
	const struct limits_facts *facts = &plan->facts;
	enum limit_rung *rung = &plan->rungs[limit];

	if (facts->cgroup.parent && has_controller(facts->cgroup.controllers, limit))
		*rung = LIMIT_RUNG_CGROUP;
	else if (facts->scope.socket && has_controller(facts->scope.controllers, limit))
		*rung = LIMIT_RUNG_SCOPE;
	else
		*rung = rung_without_cgroup(plan, limit);
	if (*rung == LIMIT_RUNG_NONE)
		plan->why[limit] = reason(plan, arena, limit);
	plan->wants_cgroup |= *rung == LIMIT_RUNG_CGROUP;
	plan->wants_scope |= *rung == LIMIT_RUNG_SCOPE;
	plan->wants_watcher |= *rung == LIMIT_RUNG_WATCHER || *rung == LIMIT_RUNG_RLIMIT;
}

void limits_plan(const struct limit_spec *spec, const struct limits_facts *facts, struct arena *arena, struct limits_plan *ret)
{
	*ret = (struct limits_plan){.spec = *spec, .facts = *facts};
	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		if (spec->values[limit].is_set)
			choose_rung(ret, arena, limit);
	}
	if (!spec->accounting || ret->wants_cgroup || ret->wants_scope)
		return;
	ret->wants_cgroup = facts->cgroup.parent != NULL;
	ret->wants_watcher |= !ret->wants_cgroup; /* a scope is not asked for to count something only */
}

void limits_fall_back(struct limits_plan *plan, struct arena *arena, const char *why)
{
	struct limit_spec spec = plan->spec;
	struct limits_facts facts = plan->facts;

	facts.scope = (struct scope_facts){.why_not = why};
	limits_plan(&spec, &facts, arena, plan);
}

/* --- a running sandbox ------------------------------------------------------------------------------------------------------------------ */

void limits_init(struct limits *limits, struct limits_plan *plan, struct arena *arena)
{
	*limits = (struct limits){.plan = plan, .arena = arena,
	    .cgroup = {.parent = -1, .outer = -1, .box = -1, .events = -1}, .scope = {.socket = -1}};
}

/* Init is one task, and is not the user's. */
static struct limit_spec with_room_for_init(const struct limit_spec *spec)
{
	struct limit_spec copy = *spec;

	if (copy.values[LIMIT_TASKS].is_set)
		copy.values[LIMIT_TASKS].value++;
	return copy;
}

static unsigned mask_of(const struct limits_plan *plan, enum limit_rung rung)
{
	unsigned mask = 0;

	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		if (plan->spec.values[limit].is_set && plan->rungs[limit] == rung)
			mask |= 1u << limit;
	}
	return mask;
}

static int make_cgroup(struct limits *limits, const struct cgroup_place *place, enum limit_rung rung, struct error *err)
{
	struct limit_spec spec = with_room_for_init(&limits->plan->spec);

	return cgroup_make(place, &spec, mask_of(limits->plan, rung), &limits->cgroup, err);
}

int limits_begin(struct limits *limits, struct error *err)
{
	const struct cgroup_facts *facts = &limits->plan->facts.cgroup;
	struct cgroup_place place = {.parent = facts->parent, .controllers = facts->controllers, .holds_us = facts->holds_us};

	return limits->plan->wants_cgroup ? make_cgroup(limits, &place, LIMIT_RUNG_CGROUP, err) : 0;
}

int limits_clone_into(const struct limits *limits)
{
	return limits->cgroup.path ? limits->cgroup.box : -1;
}

void limits_forget(struct limits *limits)
{
	struct cgroup *cgroup = &limits->cgroup;

	if (!cgroup->path)
		return;
	cgroup->parent = fd_close(cgroup->parent);
	cgroup->outer = fd_close(cgroup->outer);
	cgroup->box = fd_close(cgroup->box);
	cgroup->events = fd_close(cgroup->events);
}

void limits_ask(struct limits *limits, pid_t init, struct error *why)
{
	if (limits->plan->wants_scope && scope_begin(&limits->plan->facts.scope, init, "a carrel sandbox", &limits->scope, why) < 0)
		limits->scope = (struct scope_job){.socket = -1}; /* limits_adopt sees that there is none */
}

int limits_adopt(struct limits *limits, pid_t init, struct error *why)
{
	const struct limits_plan *plan = limits->plan;
	cleanup_free char *path = NULL;
	int r;

	if (!plan->wants_scope)
		return 0;
	r = limits->scope.socket < 0 ? -why->code : scope_finish(&limits->scope, plan->facts.cgroup.mount, &path, why);
	if (r == 0) {
		struct cgroup_place place = {.parent = path, .controllers = plan->facts.scope.controllers, .first = init};

		r = make_cgroup(limits, &place, LIMIT_RUNG_SCOPE, why);
	}
	/* A limit that the kernel refuses is the profile's fault, and the watcher would not mend it. */
	if (r == 0 || why->file[0])
		return r;
	limits_fall_back(limits->plan, limits->arena, arena_printf(limits->arena, "%s: %s", why->what, why->cause));
	return 1;
}

int limits_start(struct limits *limits, struct watch_sources *sources, struct error *err)
{
	struct limit_spec spec = with_room_for_init(&limits->plan->spec);
	unsigned mask = mask_of(limits->plan, LIMIT_RUNG_WATCHER) | mask_of(limits->plan, LIMIT_RUNG_RLIMIT);

	struct watch_sources taken = *sources;

	*sources = WATCH_SOURCES_NONE;
	if (limits->plan->wants_watcher)
		return watch_new(&taken, &spec, mask, &limits->watch, err);
	watch_sources_close(&taken);
	return 0;
}

/* The sooner of two moments, of which 0 is never. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void count_without_init(struct limit_verdict *verdict)
{
	if (verdict->order == LIMIT_END_TREE && verdict->limit == LIMIT_TASKS && verdict->used)
		verdict->used--;
}

void limits_tick(struct limits *limits, uint64_t now_ms, struct limit_verdict *ret)
{
	struct limit_verdict watched = {.order = LIMIT_GO_ON};

	*ret = (struct limit_verdict){.order = LIMIT_GO_ON};
	if (limits->cgroup.path)
		cgroup_tick(&limits->cgroup, now_ms, ret);
	if (limits->watch && ret->order != LIMIT_END_TREE) {
		uint64_t next = ret->next_ms;

		watch_tick(limits->watch, now_ms, &watched);
		if (watched.order != LIMIT_GO_ON)
			*ret = watched;
		ret->next_ms = sooner(next, watched.next_ms);
	}
	count_without_init(ret);
}

void limits_skip(struct limits *limits, uint64_t now_ms)
{
	if (limits->watch)
		watch_skip(limits->watch, now_ms);
}

int limits_event_fd(const struct limits *limits)
{
	return limits->cgroup.path ? limits->cgroup.events : -1;
}

static void without_init(uint64_t *tasks)
{
	if (*tasks && *tasks != UINT64_MAX)
		--*tasks;
}

_Static_assert(sizeof(struct limit_usage) % sizeof(uint64_t) == 0, "it is numbers, nothing else");

/* What the cgroup knows is exact; the watcher adds what a cgroup does not count. */
void limits_usage(struct limits *limits, struct limit_usage *ret)
{
	struct limit_usage watched;

	memset(ret, 0xff, sizeof(*ret)); /* nothing is known */
	watched = *ret;
	if (limits->watch)
		watch_usage(limits->watch, &watched);
	if (limits->cgroup.path)
		cgroup_usage(&limits->cgroup, ret);
	for (size_t i = 0; i < sizeof(*ret) / sizeof(uint64_t); i++) {
		uint64_t *known = (uint64_t *)(void *)ret + i;

		if (*known == UINT64_MAX)
			*known = ((const uint64_t *)(const void *)&watched)[i];
	}
	without_init(&ret->tasks_peak);
	without_init(&ret->tasks_now);
}

void limits_end(struct limits *limits)
{
	scope_done(&limits->scope);
	watch_free(limits->watch);
	limits->watch = NULL;
	if (limits->cgroup.path)
		cgroup_remove(&limits->cgroup);
}
