/* The cheapest system call there is: into the kernel and back. */
#include "bench.h"
#include <sys/syscall.h>
#include <unistd.h>

PROGRAM(syscalls, 100, "system calls: getppid")
{
	uint64_t sum = 0;
	long parent = syscall(SYS_getppid);
	while (rounds--)
		for (int i = 0; i < 10000; i++)
			sum += syscall(SYS_getppid) == parent;
	return sum;
}
