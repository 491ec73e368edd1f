"""What the machine does at most, to be timed by the caller: multiply-adds from registers, and a read of memory."""

from cython.parallel cimport prange
from libc.stdint cimport uint8_t, uint32_t

from fastlin._core.kernels cimport FL_READ_BYTES, FL_REAL32, FL_REAL64, fl_peak, kernels, word_products
from fastlin._core.rows cimport Memory, cuts_of

# Bytes that a thread reads at once: a huge page of x86-64, so that a piece is one stream in memory too.
cdef enum:
    PIECE = 2 * 1024 * 1024

# s * FACTOR + TERM has the fixed point 1, so the sums stay finite and normal.
cdef double FACTOR = 0.5, TERM = 0.5


cdef const fl_peak *_peak(str arithmetic) except NULL:
    if arithmetic == "float32":
        return &kernels().peaks[<int>FL_REAL32]
    if arithmetic == "float64":
        return &kernels().peaks[<int>FL_REAL64]
    return &word_products(arithmetic).peak


def flops(str arithmetic):
    """Multiplications and additions of one round; 0 where the arithmetic has no such kernel."""
    return _peak(arithmetic).flops


def multiply_add(str arithmetic, ptrdiff_t rounds, int n_threads):
    """Run so many rounds of multiply-adds on each of the threads; returns the sum of all their sums."""
    cdef const fl_peak *peak = _peak(arithmetic)
    cdef Memory memory = Memory()
    cdef double *sums = <double *>memory.take(<size_t>n_threads * sizeof(double))
    cdef double total = 0.0
    cdef int thread
    if peak.multiply_add == NULL:
        raise ValueError(f"there is no kernel of multiply-adds in {arithmetic}")
    with nogil:
        if n_threads == 1:
            sums[0] = peak.multiply_add(rounds, FACTOR, TERM)
        else:
            for thread in prange(n_threads, num_threads=n_threads, schedule="static"):
                sums[thread] = peak.multiply_add(rounds, FACTOR, TERM)
        for thread in range(n_threads):
            total += sums[thread]
    return total


def read(const uint8_t[::1] data not None, int n_threads):
    """Read all bytes, a multiple of 256 of them; returns the exclusive or of their four-byte words."""
    cdef ptrdiff_t n = data.shape[0], n_pieces = cuts_of(n, PIECE), k
    cdef Memory memory = Memory()
    cdef uint32_t *words = <uint32_t *>memory.take(<size_t>n_pieces * sizeof(uint32_t))
    cdef uint32_t total = 0
    if n == 0 or n % FL_READ_BYTES != 0:
        raise AssertionError("wanted is a multiple of 256 bytes")
    with nogil:
        if n_threads == 1:
            total = kernels().read(n, &data[0])
        else:
            for k in prange(n_pieces, num_threads=n_threads, schedule="static"):
                words[k] = kernels().read(min(PIECE, n - k * PIECE), &data[k * PIECE])
            for k in range(n_pieces):
                total ^= words[k]
    return total
