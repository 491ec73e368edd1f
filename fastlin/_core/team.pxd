"""The threads of one team: how they share pieces of work and wait for each other, in C."""


cdef extern from "fl_openmp.h" nogil:
    int omp_get_num_threads()


cdef extern from "fl_team.h" nogil:
    ctypedef struct fl_team:
        int stopped
    void fl_team_open(fl_team *team, int may_look)
    void fl_team_look(fl_team *team, int thread)
    int fl_team_asked(fl_team *team)
    ptrdiff_t fl_team_first(int thread, int n_threads, ptrdiff_t n)
    ptrdiff_t fl_team_claim(fl_team *team, int thread, int n_threads, ptrdiff_t n)
    int fl_team_wait(fl_team *team, int thread, int n_threads)
