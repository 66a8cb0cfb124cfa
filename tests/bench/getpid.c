/* A loop of the cheapest system call: what a filter costs on each. */
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	for (int i = 0; i < 3000000; i++)
		(void)syscall(SYS_getpid);
	return 0;
}
