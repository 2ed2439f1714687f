/* bench [--quick] [--marks] NAME... | all: runs programs, each in a process of its own, and prints their checksums.
 * --marks adds a line before and after each, for whoever takes the time; --quick does an eighth of the work. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern const struct program *const __start_programs[];
extern const struct program *const __stop_programs[];

static unsigned divisor = 1;
static int marks;

void fail(const char *what)
{
	perror(what);
	_exit(2);
}

/* A mark counts when it has left the serial line, not when it waits for it. */
static void drain(void)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

static int run(const struct program *program)
{
	int status = 0;
	if (marks)
		printf("bench: begin %s\n", program->name);
	drain();
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		unsigned rounds = program->rounds / divisor;
		uint64_t sum = program->run(rounds ? rounds : 1);
		printf("bench: sum %s %016llx\n", program->name, (unsigned long long)sum);
		exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	if (marks)
		printf("bench: end %s %d\n", program->name, status);
	drain();
	return status != 0;
}

int main(int argc, char **argv)
{
	int wrong = 0;
	for (int i = 1; i < argc; i++) {
		int found = 0;
		if (!strcmp(argv[i], "--exec-probe"))
			return 42; /* what the program `exec` starts */
		if (!strcmp(argv[i], "--quick")) {
			divisor = 8;
			continue;
		}
		if (!strcmp(argv[i], "--marks")) {
			marks = 1;
			continue;
		}
		for (const struct program *const *p = __start_programs; p < __stop_programs; p++) {
			if (!strcmp(argv[i], "--list")) {
				printf("%s %s\n", (*p)->name, (*p)->about);
				found = 1;
			} else if (!strcmp(argv[i], "all") || !strcmp(argv[i], (*p)->name)) {
				wrong |= run(*p);
				found = 1;
			}
		}
		if (!found) {
			fprintf(stderr, "bench: no program is called %s; --list tells the names\n", argv[i]);
			wrong = 1;
		}
	}
	return wrong;
}
