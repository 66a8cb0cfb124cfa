/* Write one archive of the corpus of hostile tars to stdout, or list them: one line each, "NAME ok" or "NAME refused".
 *
 *	tar_corpus [NAME]
 */
#include <stdio.h>

#include "unit/image/tar_write.c"
#include "unit/image/tar_corpus.c"

int main(int argc, char **argv)
{
	const struct tar_case *tar;

	if (argc < 2) {
		for (size_t i = 0; i < tar_case_count; i++)
			printf("%s %s\n", tar_cases[i].name, tar_cases[i].refused ? "refused" : "ok");
		return 0;
	}
	tar = tar_case_find(argv[1]);
	if (!tar) {
		fprintf(stderr, "tar_corpus: there is no '%s'\n", argv[1]);
		return 2;
	}
	return tar_case_write(tar, 1) ? 0 : 1;
}
