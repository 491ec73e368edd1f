/* Memory across a fork. Included by one module only: the state is its own. */
#ifndef FL_FORK_H
#define FL_FORK_H

/* GNU OpenMP hangs in a child forked from a process that had started its team of threads: remember both. */
static int fl_team_started = 0, fl_forked_from_team = 0;

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
static void fl_after_fork(void) { fl_forked_from_team |= fl_team_started; }
static inline int fl_watch_forks(void) { return pthread_atfork(0, 0, fl_after_fork); }
#else
static inline int fl_watch_forks(void) { return 0; }
#endif

#endif
