#include "util/buf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(buf);

Test(buf, grows)
{
	cleanup_buf struct buf buf = {0};
	char number[16];
	size_t size = 0;

	for (int i = 0; i < 5000; i++) {
		switch (i % 3) {
		case 0:
			buf_printf(&buf, "%d,", i);
			break;
		case 1:
			(void)snprintf(number, sizeof(number), "%d,", i);
			buf_puts(&buf, number);
			break;
		default:
			(void)snprintf(number, sizeof(number), "%d,", i);
			buf_add(&buf, number, strlen(number));
		}
		size += (size_t)snprintf(number, sizeof(number), "%d,", i);
		cr_assert_eq(buf.size, size);
		cr_assert_eq(buf.text[size], 0);
	}
	cr_expect_eq(strncmp(buf.text, "0,1,2,3,4,5,6,7,8,9,10,", 23), 0);
	cr_expect_str_eq(buf.text + size - 10, "4998,4999,");
}

Test(buf, keeps_zero_bytes)
{
	cleanup_buf struct buf buf = {0};

	buf_add(&buf, "a\0b", 3);
	buf_puts(&buf, "c");
	cr_expect_eq(buf.size, 4);
	cr_expect_eq(memcmp(buf.text, "a\0bc", 5), 0);
}

Test(buf, adding_nothing_makes_a_text)
{
	cleanup_buf struct buf buf = {0};

	buf_puts(&buf, "");
	cr_expect_str_eq(buf.text, "");
}

Test(buf, long_print)
{
	cleanup_buf struct buf buf = {0};

	buf_puts(&buf, "x");
	buf_printf(&buf, "%010000d", 5);
	cr_expect_eq(buf.size, 10001);
	cr_expect_eq(buf.text[10000], '5');
}

Test(buf, done_can_be_used_again)
{
	struct buf buf = {0};

	buf_puts(&buf, "x");
	buf_done(&buf);
	cr_expect_null(buf.text);
	buf_done(&buf);
	buf_puts(&buf, "y");
	cr_expect_str_eq(buf.text, "y");
	buf_done(&buf);
}
