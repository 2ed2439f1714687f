/* Threads that count in the same places at once: LOCK XADD, LOCK CMPXCHG in a loop, and a spin lock by XCHG. */
#include "bench.h"
#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4

static atomic_ulong added, exchanged;
static atomic_int taken;
static unsigned long guarded;
static unsigned each;

static void *work(void *me)
{
	unsigned long number = (uintptr_t)me + 1;
	for (unsigned i = 0; i < each; i++) {
		atomic_fetch_add(&added, number);
		unsigned long old = atomic_load(&exchanged);
		while (!atomic_compare_exchange_weak(&exchanged, &old, old + number))
			;
		while (atomic_exchange(&taken, 1))
			__builtin_ia32_pause();
		guarded += number;
		atomic_store(&taken, 0);
	}
	return NULL;
}

PROGRAM(atomics, 400000, "threads that count in the same places: atomic operations")
{
	pthread_t threads[THREADS];
	each = rounds;
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			fail("pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	uint64_t sum = 10ull * each;
	if (added != sum || exchanged != sum || guarded != sum)
		fail("a count is lost");
	return mix(1, guarded);
}
