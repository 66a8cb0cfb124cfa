#include "cli/command.h"
#include "cli/report.h"

#ifndef CARREL_VERSION
#define CARREL_VERSION "0.1"
#endif

int cmd_version(int argc, char **argv)
{
	cleanup_buf struct buf out = {0};

	(void)argc;
	(void)argv;
	buf_puts(&out, "carrel " CARREL_VERSION "\n");
	return report_print(&out);
}
