#include "isolate/limit.h"

static const struct {
	const char *name, *key;
} words[LIMIT_MAX] = {
    [LIMIT_MEMORY] = {"memory", "resources.memory"},
    [LIMIT_MEMORY_HIGH] = {"memory_high", "resources.memory_high"},
    [LIMIT_SWAP] = {"swap", "resources.swap"},
    [LIMIT_TASKS] = {"tasks", "resources.tasks"},
    [LIMIT_CPUS] = {"cpus", "resources.cpus"},
    [LIMIT_CPU_WEIGHT] = {"cpu_weight", "resources.cpu_weight"},
    [LIMIT_CPUSET] = {"cpuset", "resources.cpuset"},
    [LIMIT_IO_READ] = {"io_read", "resources.io_read"},
    [LIMIT_IO_WRITE] = {"io_write", "resources.io_write"},
    [LIMIT_IO_WEIGHT] = {"io_weight", "resources.io_weight"},
    [LIMIT_SCRATCH] = {"scratch", "resources.scratch"},
};

static const char *const rung_names[LIMIT_RUNG_MAX] = {
    [LIMIT_RUNG_NONE] = "none",
    [LIMIT_RUNG_CGROUP] = "cgroup",
    [LIMIT_RUNG_SCOPE] = "scope",
    [LIMIT_RUNG_WATCHER] = "watcher",
    [LIMIT_RUNG_RLIMIT] = "rlimit",
    [LIMIT_RUNG_AFFINITY] = "affinity",
    [LIMIT_RUNG_NICE] = "nice",
    [LIMIT_RUNG_TMPFS] = "tmpfs",
};

const char *limit_name(enum limit limit)
{
	return words[limit].name;
}

const char *limit_key(enum limit limit)
{
	return words[limit].key;
}

const char *limit_rung_name(enum limit_rung rung)
{
	return rung_names[rung];
}
