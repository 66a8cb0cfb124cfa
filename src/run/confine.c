#include "run/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#include "isolate/caps.h"
#include "isolate/landlock.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define UNPACK_CAPABILITIES (BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETFCAP))

/* What name resolution and TLS read: configurations and certificates, the C library's name service modules, and where /etc/resolv.conf leads to. */
static const char *const network_files[] = {
    "/etc", "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/pki", "/var/lib/ca-certificates",
    "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", NULL,
};

static const struct {
	enum landlock_access folder;
	bool has_folder, network;
	const char *const *files;
	uint64_t capabilities; /* of what it holds */
} roles[CONFINE_ROLE_MAX] = {
    [CONFINE_READ] = {.has_folder = true, .folder = LANDLOCK_READ},
    [CONFINE_MERGE] = {.has_folder = true, .folder = LANDLOCK_READ, .capabilities = BIT(CAP_DAC_READ_SEARCH)},
    /* Not even a symlink that a layer brought can be put where the next command would follow it. */
    [CONFINE_STORE] = {.has_folder = true, .folder = LANDLOCK_PLAIN},
    [CONFINE_FETCH] = {.has_folder = true, .folder = LANDLOCK_PLAIN, .network = true, .files = network_files},
    [CONFINE_UNPACK] = {.has_folder = true, .folder = LANDLOCK_WRITE, .capabilities = UNPACK_CAPABILITIES},
};

enum { FILES_MAX = 32 };

static size_t add_files(struct landlock_rule *rules, size_t count, const char *const *files)
{
	for (; files && *files && count < FILES_MAX; files++)
		rules[count++] = (struct landlock_rule){.path = *files, .access = LANDLOCK_READ};
	return count;
}

static int restrict_files(enum confine_role role, const char *folder, const char *const *extra, struct error *err)
{
	struct landlock_rule rules[FILES_MAX];
	struct landlock_plan plan = {.enabled = true, .rules = rules, .deny_tcp = !roles[role].network, .scope_abstract_unix = true, .scope_signals = true};
	size_t count = 0;

	/* A rule for nothing ("" is never there) where there is none for anything: without a rule files are not restricted. */
	rules[count++] = (struct landlock_rule){.path = roles[role].has_folder ? folder : "", .access = roles[role].folder};
	count = add_files(rules, count, roles[role].files);
	count = add_files(rules, count, extra);
	plan.rule_count = count;
	return landlock_apply(&plan, err);
}

/* Root's, or those over a user namespace. What a role keeps it must hold already. */
static int drop_capabilities(enum confine_role role, struct error *err)
{
	uint64_t held = 0;
	int r = caps_permitted(&held);

	if (r < 0)
		return error_set(err, -r, "cannot read the capabilities");
	return held ? caps_apply(held & roles[role].capabilities, 0, err) : 0;
}

int confine_filter(const char *cache_dir, enum confine_role role, struct seccomp_program *ret, struct error *err)
{
	struct arena arena = {0};
	struct seccomp_spec spec;
	int r;

	confine_calls(&arena, role, &spec); /* it names no groups, so that their file is not needed */
	spec.cache_dir = cache_dir;
	r = seccomp_prepare(&spec, ret, err);
	arena_done(&arena);
	return r;
}

int confine_apply(enum confine_role role, const char *folder, const char *const *extra, const struct seccomp_program *filter, struct error *err)
{
	int r;

	(void)prctl(PR_SET_DUMPABLE, 0); /* fails for no value but 0 and 1 */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot give up the right to new privileges");
	r = drop_capabilities(role, err);
	if (r == 0)
		r = restrict_files(role, folder, extra, err);
	return r < 0 ? r : seccomp_apply(filter, err);
}

int confine_self(const struct host *host, enum confine_role role, const char *folder, struct error *err)
{
	/* curl and OpenSSL look there for certificates. */
	static const char *const variables[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"};
	static const char *const folders[] = {".config/containers/certs.d", ".config/docker/certs.d"};
	const char *extra[ARRAY_SIZE(variables) + ARRAY_SIZE(folders) + 1];
	size_t count = 0;
	struct seccomp_program filter;
	int r = confine_filter(host->runtime_dir, role, &filter, err);

	if (r < 0)
		return r;
	for (size_t i = 0; roles[role].network && i < ARRAY_SIZE(variables); i++) {
		const char *path = host_env(host, variables[i]);

		if (path && *path)
			extra[count++] = path;
	}
	/* A user's own certificates for registries, where podman and rootless Docker have them. */
	for (size_t i = 0; roles[role].network && i < ARRAY_SIZE(folders); i++)
		extra[count++] = arena_printf(host->arena, "%s/%s", host->account.home, folders[i]);
	extra[count] = NULL;
	r = confine_apply(role, folder, extra, &filter, err);
	seccomp_done(&filter);
	return r < 0 ? error_prefix(err, "cannot confine the process") : 0;
}
