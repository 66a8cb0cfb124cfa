#include "e2e/transfer.h"

#include <string.h>

const char *const *transfer_env(const char *store, const struct registry_server *server)
{
	(void)harness_shell("mkdir -p home");
	return harness_words(HARNESS_WORDS(harness_text("CARREL_ROOT=%s", harness_path("%s", store)), harness_text("HOME=%s", harness_path("home")),
		server ? server->ssl_cert_file : "CARREL_TEST_NOTHING=1", "TERM=xterm"), HARNESS_WORDS(NULL));
}

void transfer_log_in(const struct registry_server *server)
{
	if (server->spec.user)
		(void)harness_shell(harness_text("mkdir -p home/.docker; printf '{\"auths\":{\"%s\":{\"auth\":\"%%s\"}}}' \"$(printf %%s '%s:%s' | base64)\" >home/.docker/config.json", server->host,
			server->spec.user, server->spec.password));
}

/* (image_record.c writes the records.) */
static const char good_script[] =
	"cd '%s'\n"
	"for b in blobs/sha256/*; do\n"
	"	[ ! -e $b ] || [ \"$(sha256sum <$b | cut -c 1-64)\" = ${b##*/} ] || echo \"the blob $b is damaged\"\n"
	"done\n"
	"for r in refs/*; do\n"
	"	[ -e \"$r\" ] || continue\n"
	"	m=$(cut -d : -f 2 \"$r\")\n"
	"	[ -e blobs/sha256/$m ] && [ -e images/$m ] || echo \"$r leads to nothing\"\n"
	"done\n"
	"for i in images/*; do\n"
	"	[ -e $i ] || continue\n"
	"	sed -n 's/^\\(blob\\|manifest\\|config\\) sha256://p' $i | while read -r b; do [ -s blobs/sha256/$b ] || echo \"$i lacks the blob $b\"; done\n"
	"	sed -n 's/^layer sha256://p' $i | while read -r l; do [ -d layers/$l.range/tree ] || [ -d layers/$l.single/tree ] || echo \"$i lacks the layer $l\"; done\n"
	"done\n"
	"for t in tmp/*; do [ ! -e $t ] || echo \"$t is left\"; done\n";

void transfer_expect_good(const char *name, const char *store)
{
	const char *complaints = harness_shell(harness_text(good_script, harness_path("%s", store)));

	cr_expect_str_eq(complaints, "", "%s: %s", name, complaints);
}

void transfer_expect_file(const char *name, const char *store, const char *file, const char *text)
{
	const char *all = harness_shell(harness_text("cd '%s/layers'; for f in */tree/%s; do [ ! -e \"$f\" ] || cat \"$f\"; done", harness_path("%s", store), file));

	cr_expect_not_null(strstr(all, text), "%s: %s is '%s'", name, file, all);
}

const char *transfer_references(const char *store)
{
	return harness_shell(harness_text("ls '%s/refs'", harness_path("%s", store)));
}
