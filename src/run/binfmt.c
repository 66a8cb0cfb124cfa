#include "run/binfmt.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "util/fd.h"
#include "util/mem.h"

static const struct {
	const char *name;
	unsigned class, data, machine; /* elf(5): e_ident[EI_CLASS], e_ident[EI_DATA], e_machine */
} machines[] = {
	{"386", ELFCLASS32, ELFDATA2LSB, EM_386},
	{"amd64", ELFCLASS64, ELFDATA2LSB, EM_X86_64},
	{"arm", ELFCLASS32, ELFDATA2LSB, EM_ARM},
	{"arm64", ELFCLASS64, ELFDATA2LSB, EM_AARCH64},
	{"loong64", ELFCLASS64, ELFDATA2LSB, 258},
	{"mips64le", ELFCLASS64, ELFDATA2LSB, EM_MIPS},
	{"mipsle", ELFCLASS32, ELFDATA2LSB, EM_MIPS},
	{"ppc64", ELFCLASS64, ELFDATA2MSB, EM_PPC64},
	{"ppc64le", ELFCLASS64, ELFDATA2LSB, EM_PPC64},
	{"riscv64", ELFCLASS64, ELFDATA2LSB, EM_RISCV},
	{"s390x", ELFCLASS64, ELFDATA2MSB, EM_S390},
};

enum { HANDLER_MAX = 4096 };

/* The beginning of such a program, as a handler's file has it in its line "magic": twenty bytes in hexadecimal. Of what lies between only masks differ. */
static bool is_handler(const char *text, size_t machine)
{
	const char *magic = strstr(text, "\nmagic ");
	char ident[16], number[8];
	unsigned low = machines[machine].machine & 0xff, high = machines[machine].machine >> 8;
	bool is_big = machines[machine].data == ELFDATA2MSB;

	if (strncmp(text, "enabled", 7) != 0 || !magic || !strstr(text, "\noffset 0\n"))
		return false;
	magic += strlen("\nmagic ");
	(void)snprintf(ident, sizeof(ident), "7f454c46%02x%02x", machines[machine].class, machines[machine].data);
	(void)snprintf(number, sizeof(number), "%02x%02x", is_big ? high : low, is_big ? low : high);
	return strcspn(magic, "\n") >= 40 && !strncmp(magic, ident, strlen(ident)) && !strncmp(magic + 36, number, 4);
}

static bool folder_has(DIR *dir, size_t machine)
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		cleanup_free char *text = NULL;

		if (entry->d_name[0] != '.' && fd_slurp_at(dirfd(dir), entry->d_name, HANDLER_MAX, &text, NULL) == 0 && is_handler(text, machine))
			return true;
	}
	return false;
}

bool binfmt_runs(const char *folder, const char *architecture)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strcmp(machines[i].name, architecture) != 0)
			continue;
		DIR *dir = opendir(folder);
		bool found = dir && folder_has(dir, i);

		if (dir)
			closedir(dir);
		return found;
	}
	return false;
}
