"""Images stored a colour after the other, turned to a pixel after the other."""

from libc.stdint cimport uint8_t

from fastlin._core.kernels cimport kernels


def interleave(const uint8_t[:, ::1] records, ptrdiff_t first, uint8_t[:, :, ::1] out not None):
    """Write images (N, pixels, 3) to `out` from records whose bytes from `first` on are the planes (3, pixels)."""
    cdef ptrdiff_t n = out.shape[0], pixels = out.shape[1]
    if records.shape[0] != n or out.shape[2] != 3 or first < 0 or records.shape[1] < first + 3 * pixels:
        raise AssertionError("records and out do not fit each other")
    if n == 0 or pixels == 0:
        return
    with nogil:
        kernels().planes.interleave3(n, pixels, &records[0, first], records.shape[1], &out[0, 0, 0])
