/* Processes that end at once. */
#include "bench.h"
#include <sys/wait.h>
#include <unistd.h>

PROGRAM(forks, 750, "fork and exit")
{
	uint64_t sum = 0;
	while (rounds--) {
		int status = 0;
		pid_t child = fork();
		if (child < 0)
			fail("fork");
		if (child == 0)
			_exit(rounds & 63);
		if (waitpid(child, &status, 0) != child)
			fail("waitpid");
		sum = mix(sum, WEXITSTATUS(status));
	}
	return sum;
}
