/* Processes that become another program: this file once more, which ends at once. */
#include "bench.h"
#include <sys/wait.h>
#include <unistd.h>

PROGRAM(exec, 210, "fork and exec")
{
	uint64_t sum = 0;
	while (rounds--) {
		int status = 0;
		pid_t child = fork();
		if (child < 0)
			fail("fork");
		if (child == 0) {
			execl("/proc/self/exe", "bench", "--exec-probe", (char *)NULL);
			fail("exec");
		}
		if (waitpid(child, &status, 0) != child)
			fail("waitpid");
		sum = mix(sum, WEXITSTATUS(status));
	}
	return sum;
}
