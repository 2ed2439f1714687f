/* Threads that take turns: a mutex and a condition each time, which are futexes underneath. */
#include "bench.h"
#include <pthread.h>

#define THREADS 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned[THREADS] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER,
					  PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static unsigned turn, turns;
static uint64_t sum;

static void *work(void *me)
{
	unsigned number = (uintptr_t)me;
	pthread_mutex_lock(&lock);
	for (;;) {
		while (turn < turns && turn % THREADS != number)
			pthread_cond_wait(&turned[number], &lock);
		if (turn >= turns)
			break;
		sum = mix(sum, number + turn);
		turn++;
		pthread_cond_signal(&turned[turn % THREADS]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_cond_signal(&turned[i]);
	pthread_mutex_unlock(&lock);
	return NULL;
}

PROGRAM(threads, 48000, "threads that take turns: futexes")
{
	pthread_t threads[THREADS];
	turns = rounds;
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			fail("pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return sum;
}
