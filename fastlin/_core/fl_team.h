/* How the threads of one team share the pieces of a phase and wait for each other between phases.
 *
 * OpenMP starts the team; inside an epoch it meets twice a batch, thousands of times a second, and OpenMP's own barrier
 * will not do: GNU's spins for milliseconds, so on a machine with other work to do the waiting thread keeps the late one
 * from its processor (ten times slower than one thread, measured). Here a thread spins for about as long as a phase's
 * pieces differ, then sleeps in the kernel, which wakes it before whoever took its place.
 *
 * Pieces are claimed one by one, so a thread that lost its processor holds up one piece, not a share of the phase.
 */
#ifndef FL_TEAM_H
#define FL_TEAM_H

#include <stdatomic.h>
#include <stddef.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
static inline void fl_sleep_while(atomic_int *word, int value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static inline void fl_wake(atomic_int *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0); }
#else
#include <sched.h>
static inline void fl_sleep_while(atomic_int *word, int value) {
    (void)word, (void)value;
    sched_yield();
}
static inline void fl_wake(atomic_int *word) { (void)word; }
#endif

#if defined(__x86_64__) || defined(__i386__)
#define FL_PAUSE() __builtin_ia32_pause()
#else
#define FL_PAUSE() ((void)0)
#endif

/* A pause is 40 to 140 cycles on x86: some 20 us in all. */
enum { FL_SPINS = 500 };

typedef struct {
    atomic_int phase, arrived, asleep;
    atomic_ptrdiff_t next;
} fl_team;

static inline void fl_team_open(fl_team *team) {
    atomic_init(&team->phase, 0);
    atomic_init(&team->arrived, 0);
    atomic_init(&team->asleep, 0);
    atomic_init(&team->next, 0);
}

/* The next piece of this phase, or -1 when all n are taken. */
static inline ptrdiff_t fl_team_claim(fl_team *team, ptrdiff_t n) {
    const ptrdiff_t piece = atomic_fetch_add_explicit(&team->next, 1, memory_order_relaxed);
    return piece < n ? piece : -1;
}

/* Wait until all threads have come: the last one opens the next phase. */
static inline void fl_team_wait(fl_team *team, int n_threads) {
    const int phase = atomic_load_explicit(&team->phase, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == n_threads) {
        atomic_store_explicit(&team->next, 0, memory_order_relaxed);
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        atomic_store(&team->phase, phase + 1);
        if (atomic_load(&team->asleep) > 0) fl_wake(&team->phase);
        return;
    }
    for (int i = 0; i < FL_SPINS; i++) {
        if (atomic_load_explicit(&team->phase, memory_order_acquire) != phase) return;
        FL_PAUSE();
    }
    atomic_fetch_add(&team->asleep, 1);
    while (atomic_load(&team->phase) == phase) fl_sleep_while(&team->phase, phase);
    atomic_fetch_sub(&team->asleep, 1);
}

#endif
