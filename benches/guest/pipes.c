/* Two processes that hand a word to and fro: every step is a switch between them. */
#include "bench.h"
#include <sys/wait.h>
#include <unistd.h>

PROGRAM(pipes, 7000, "ping-pong through pipes: process switches")
{
	int there[2], back[2];
	uint64_t sum = 0;
	uint32_t word = 1;
	if (pipe(there) || pipe(back))
		fail("pipe");
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		close(there[1]);
		while (read(there[0], &word, sizeof word) == sizeof word) {
			word = word * 5 + 1;
			if (write(back[1], &word, sizeof word) != sizeof word)
				fail("write");
		}
		_exit(0);
	}
	while (rounds--) {
		if (write(there[1], &word, sizeof word) != sizeof word ||
		    read(back[0], &word, sizeof word) != sizeof word)
			fail("pipe");
		sum = mix(sum, word);
	}
	close(there[1]);
	waitpid(child, NULL, 0);
	return sum;
}
