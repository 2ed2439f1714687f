/* Signals to oneself: into the handler and back by sigreturn. */
#include "bench.h"
#include <signal.h>

static volatile sig_atomic_t caught;

static void handler(int number)
{
	caught += number;
}

PROGRAM(signals, 70, "signals: raise, handler, sigreturn")
{
	struct sigaction action = { .sa_handler = handler };
	if (sigaction(SIGUSR1, &action, NULL))
		fail("sigaction");
	while (rounds--)
		for (int i = 0; i < 1000; i++)
			raise(SIGUSR1);
	return caught;
}
