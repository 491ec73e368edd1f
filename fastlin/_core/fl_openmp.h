/* OpenMP's questions, with the serial answers where the build has none. */
#ifndef FL_OPENMP_H
#define FL_OPENMP_H

#ifdef _OPENMP
#include <omp.h>
#define FL_HAS_OPENMP 1
#else
#define FL_HAS_OPENMP 0
static inline int omp_get_max_threads(void) { return 1; }
static inline int omp_get_num_threads(void) { return 1; }
static inline int omp_in_parallel(void) { return 0; }
#endif

#if FL_HAS_OPENMP && (defined(__linux__) || defined(__APPLE__))
#include <dlfcn.h>
/* Path of the library the runtime came from. */
static inline const char *fl_openmp_library(void) {
    Dl_info found;
    return dladdr((void *)(size_t)&omp_get_max_threads, &found) ? found.dli_fname : "";
}
#else
static inline const char *fl_openmp_library(void) { return ""; }
#endif

#endif
