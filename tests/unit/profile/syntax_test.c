#include "profile/syntax.h"

#include <criterion/criterion.h>

Test(syntax, forms)
{
	static const struct {
		const char *name;
		bool (*accept)(const char *, struct complaint *);
		const char *good[12], *bad[16];
	} cases[] = {
		{"path", syntax_path, {"/", "/tmp", "~", "~/x", "$PWD", "$HOME/.ssh", "/run/user/$UID/bus", "$XDG_DATA_HOME/x", "$SCRATCH", "/a b/ü"},
		 {"x", "./x", "../x", "~ada", "~ada/x", "$FOO/x", "$XDG_", "$PWDX", "/x/$", "$USER/x", "$UID", "${PWD}", "-x"}},
		{"user", syntax_user, {"self", "root", "ada", "1000", "1000:100", "ada:staff", "0", "4294967294", "a-b.c"},
		 {" ", "a b", ":", "a:", ":b", "4294967295", "1000:4294967295", "12x", "-a", "a/b", "99999999999999999999"}},
		{"hostname", syntax_hostname, {"carrel", "a.b-c", "0"}, {"-a", "a-", ".a", "a_b", "a b", "ü", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
		{"publish", syntax_publish, {"80", "8080:80", "127.0.0.1:8080:80", "127.0.0.1::80", "[::1]:8080:80", "[::]::53/udp", "53/udp", "80/tcp", "8000-8010:9000-9010"},
		 {"0", "65536", "80:", ":80", "a", "80/sctp", "[::1", "[::1]80", "127.0.0.1", "127.0.0.1:", "9-8", "80:80:80:80", "1-", "80 "}},
		{"variable", syntax_variable, {"A", "_", "LC_ALL", "a1"}, {"1A", "A=b", "A B", "A*", "ü", "A-B"}},
		{"pattern", syntax_pattern, {"A", "LC_*", "*", "*_PROXY"}, {"1A", "A=b", "A ?", "[A]"}},
		{"call", syntax_call, {"openat2", "@clock", "@docker-default", "_llseek"}, {"@", "Open", "open-at", "@A", "open at", "@a b"}},
		{"action", syntax_action, {"allow", "log", "kill", "EPERM", "E2BIG"}, {"deny", "E", "eperm", "Allow", "EPERM ", "E_X"}},
		{"capability", syntax_capability, {"CAP_CHOWN", "net_raw", "ALL"}, {"CAP CHOWN", "cap-chown", "+chown"}},
		{"cpuset", syntax_cpuset, {"0", "0-3", "0-3,6", "1,2,3"}, {"a", "3-0", "1,", ",1", "1-", "-1", "1 2", "99999"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct complaint complaint = {0};

		for (size_t k = 0; k < 12 && cases[i].good[k]; k++)
			cr_expect(cases[i].accept(cases[i].good[k], &complaint), "%s: '%s' is good: %s", cases[i].name, cases[i].good[k], complaint.cause);
		for (size_t k = 0; k < 16 && cases[i].bad[k]; k++) {
			complaint = (struct complaint){0};
			cr_expect_not(cases[i].accept(cases[i].bad[k], &complaint), "%s: '%s' is bad", cases[i].name, cases[i].bad[k]);
			cr_expect(complaint.cause && complaint.hint, "%s: '%s' says why", cases[i].name, cases[i].bad[k]);
		}
	}
}

Test(syntax, long_path)
{
	char path[4200];
	struct complaint complaint = {0};

	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = 'x';
	path[0] = '/';
	path[4095] = 0;
	cr_expect(syntax_path(path, &complaint));
	path[4095] = 'x';
	path[4096] = 0;
	cr_expect_not(syntax_path(path, &complaint));
}
