/* How the threads of one team share the pieces of a phase and wait for each other between phases.
 *
 * OpenMP starts the team; inside an epoch it meets twice a batch, thousands of times a second, and OpenMP's own barrier
 * will not do: GNU's spins for milliseconds, so that where there is other work to do the waiting thread keeps the late
 * one from its processor (ten times slower than one thread, measured). Here a thread spins for about as long as pieces
 * of a phase differ, then sleeps in the kernel, which wakes it before whoever took its place.
 *
 * Each thread has its share of a phase's pieces, the same from batch to batch, so that what it wrote of the weights is
 * still in its caches (a tenth of an epoch's time on two threads). It claims them one by one, and then what others have
 * left: a thread that lost its processor holds up one piece, not its share.
 *
 * The thread that called is the one that may run Python's signal handlers. Now and then, between two pieces of work or
 * while it waits, it looks whether one has come (`fl_team_look`), and where its handler raises, as Ctrl-C's does, the
 * team is asked to stop. Whether it stops is settled where all meet, so that all settle alike.
 */
#ifndef FL_TEAM_H
#define FL_TEAM_H

#include <Python.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
/* At most the time between two looks: see fl_team_look. */
static inline void fl_sleep_while(atomic_int *word, int value) {
    const struct timespec most = {0, 50000000};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &most, NULL, 0);
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

/* How often the calling thread looks for signals: half of it is the delay that Ctrl-C meets, on average. */
#define FL_LOOK_SECONDS 0.05

/* More threads than this have none of their own, and help the others. */
enum { FL_SHARES = 64 };

typedef struct {
    _Alignas(64) atomic_ptrdiff_t claimed;
} fl_share;

typedef struct {
    atomic_int phase, arrived, asleep, asked;
    fl_share shares[FL_SHARES];
    int stopped, may_look; /* the second is 0 where Python runs its handlers in another thread than the caller */
    double next_look;
} fl_team;

static inline double fl_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline void fl_team_open(fl_team *team, int may_look) {
    atomic_init(&team->asked, 0);
    team->stopped = 0;
    team->may_look = may_look;
    team->next_look = may_look ? fl_now() + FL_LOOK_SECONDS : 0.0;
    atomic_init(&team->phase, 0);
    atomic_init(&team->arrived, 0);
    atomic_init(&team->asleep, 0);
    for (int i = 0; i < FL_SHARES; i++) atomic_init(&team->shares[i].claimed, 0);
}

/* Whether the team was asked to stop: what a thread does in this phase may be for nothing. */
static inline int fl_team_asked(fl_team *team) { return atomic_load_explicit(&team->asked, memory_order_relaxed); }

/* Let Python's signal handlers run, if it is time and this is the thread that called, which holds no lock then. Where
 * one raises, its exception stays with the thread until the GIL is taken back for good. */
static inline void fl_team_look(fl_team *team, int thread) {
    if (thread != 0 || !team->may_look || fl_team_asked(team) || fl_now() < team->next_look) return;
    const PyGILState_STATE state = PyGILState_Ensure();
    if (PyErr_CheckSignals() != 0) atomic_store_explicit(&team->asked, 1, memory_order_relaxed);
    PyGILState_Release(state);
    team->next_look = fl_now() + FL_LOOK_SECONDS;
}

static inline int fl_team_shares(int n_threads) { return n_threads < FL_SHARES ? n_threads : FL_SHARES; }

/* The first of a phase's n pieces that is the thread's own; that of the next thread is where its share ends. */
static inline ptrdiff_t fl_team_first(int thread, int n_threads, ptrdiff_t n) {
    const int shares = fl_team_shares(n_threads);
    return (thread < shares ? thread : shares) * n / shares;
}

/* The next piece of this phase for a thread, or -1 when all n are taken. */
static inline ptrdiff_t fl_team_claim(fl_team *team, int thread, int n_threads, ptrdiff_t n) {
    const int shares = fl_team_shares(n_threads);
    for (int i = 0; i < shares; i++) {
        const int of = (thread + i) % shares;
        const ptrdiff_t first = fl_team_first(of, n_threads, n), count = fl_team_first(of + 1, n_threads, n) - first;
        atomic_ptrdiff_t *claimed = &team->shares[of].claimed;
        if (atomic_load_explicit(claimed, memory_order_relaxed) >= count) continue;
        const ptrdiff_t piece = atomic_fetch_add_explicit(claimed, 1, memory_order_relaxed);
        if (piece < count) return first + piece;
    }
    return -1;
}

/* Wait until all threads have come: the last one opens the next phase, or says that there is none. */
static inline int fl_team_wait(fl_team *team, int thread, int n_threads) {
    const int phase = atomic_load_explicit(&team->phase, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == n_threads) {
        for (int i = 0; i < fl_team_shares(n_threads); i++)
            atomic_store_explicit(&team->shares[i].claimed, 0, memory_order_relaxed);
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        team->stopped = fl_team_asked(team);
        atomic_store(&team->phase, phase + 1);
        if (atomic_load(&team->asleep) > 0) fl_wake(&team->phase);
        return team->stopped;
    }
    for (int i = 0; i < FL_SPINS; i++) {
        if (atomic_load_explicit(&team->phase, memory_order_acquire) != phase) return team->stopped;
        FL_PAUSE();
    }
    atomic_fetch_add(&team->asleep, 1);
    while (atomic_load(&team->phase) == phase) {
        fl_sleep_while(&team->phase, phase);
        fl_team_look(team, thread);
    }
    atomic_fetch_sub(&team->asleep, 1);
    return team->stopped;
}

#endif
