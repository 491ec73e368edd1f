"""What OpenMP knows about threads, and the memory that makes a fork safe. The decision is fastlin._threads'."""


cdef extern from "fl_openmp.h" nogil:
    int FL_HAS_OPENMP
    int omp_get_max_threads()
    int omp_in_parallel()
    const char *fl_openmp_library()


cdef extern from "fl_fork.h" nogil:
    int fl_forked
    int fl_watch_forks()


def has_openmp():
    """Whether the loops were built with OpenMP."""
    return bool(FL_HAS_OPENMP)


def library():
    """Path of the OpenMP runtime's library; empty where there is none or it is not known."""
    return fl_openmp_library().decode()


def openmp_limit():
    """How many threads OpenMP would start here: OMP_NUM_THREADS, threadpoolctl's limit, or the processors."""
    return omp_get_max_threads()


def must_be_serial():
    """Whether this thread is in a parallel region already, or in a forked child, where GNU OpenMP may hang."""
    return bool(omp_in_parallel() or fl_forked)


if fl_watch_forks() != 0:
    raise MemoryError("no memory to register what a forked child must know")
