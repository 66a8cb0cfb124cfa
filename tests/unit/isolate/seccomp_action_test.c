#include "isolate/seccomp.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(seccomp_action);

Test(seccomp_action, texts)
{
	static const struct {
		const char *text;
		int result;
		enum seccomp_verdict verdict;
		int errnum;
	} cases[] = {
		{"allow", 0, SECCOMP_VERDICT_ALLOW, 0},
		{"log", 0, SECCOMP_VERDICT_LOG, 0},
		{"kill", 0, SECCOMP_VERDICT_KILL, 0},
		{"EPERM", 0, SECCOMP_VERDICT_ERRNO, EPERM},
		{"ENOSYS", 0, SECCOMP_VERDICT_ERRNO, ENOSYS},
		{"EWOULDBLOCK", 0, SECCOMP_VERDICT_ERRNO, EAGAIN},
		{"EHWPOISON", 0, SECCOMP_VERDICT_ERRNO, EHWPOISON},
		{"", -EINVAL, 0, 0},
		{"deny", -EINVAL, 0, 0},
		{"Allow", -EINVAL, 0, 0},
		{"eperm", -EINVAL, 0, 0},
		{"EPERM ", -EINVAL, 0, 0},
		{"1", -EINVAL, 0, 0},
		{"0", -EINVAL, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seccomp_action action = {.verdict = SECCOMP_VERDICT_LOG, .errnum = 77};
		int r = seccomp_parse_action(cases[i].text, &action);

		cr_expect_eq(r, cases[i].result, "'%s': %d", cases[i].text, r);
		if (r == 0)
			cr_expect(action.verdict == cases[i].verdict && action.errnum == cases[i].errnum, "'%s': %d/%d", cases[i].text, (int)action.verdict, action.errnum);
		else
			cr_expect_eq(action.errnum, 77, "'%s': the result was touched", cases[i].text);
	}
}
