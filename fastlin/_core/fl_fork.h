/* Memory across a fork. Included by one module only: the state is its own. */
#ifndef FL_FORK_H
#define FL_FORK_H

/* GNU OpenMP hangs in a child forked from a process that had started a team of threads, be it another library's; and
 * there is no asking it whether one had. So every forked child counts. */
static int fl_forked = 0;

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
static void fl_after_fork(void) { fl_forked = 1; }
static inline int fl_watch_forks(void) { return pthread_atfork(0, 0, fl_after_fork); }
#else
static inline int fl_watch_forks(void) { return 0; }
#endif

#endif
