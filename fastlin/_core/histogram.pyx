"""Histograms of the colours of a batch of images: an image at a time, each by one thread."""

cimport numpy as cnp
from cython.parallel cimport parallel, prange, threadid
from libc.stdint cimport int32_t

from fastlin._core.kernels cimport fl_histogram, fl_image_kernels, fl_norm, fl_space, fl_storage, kernels
from fastlin._core.rows cimport Memory

cnp.import_array()


def histogram(
    cnp.ndarray images not None, int space, bint joint, bins, grid, int norm, double power, double low, double high,
    double white, tuple edges not None, tuple places not None, cnp.ndarray out not None, int n_threads,
):
    """Write out (N, D) for C-contiguous images (N, height, width, channels) of uint8, float32 or float64.

    `edges` holds a float64 array of bins + 1 edges an axis, `places` an int32 array of 256 an axis: the place in the
    table of counts of each value of uint8. Returns whether a channel of some pixel lies outside [low, high].
    """
    cdef fl_histogram plan
    cdef Memory memory = Memory()
    cdef char code = images.descr.type
    cdef int storage = (
        fl_storage.FL_U8 if code == b"B" else fl_storage.FL_F32 if code == b"f" else fl_storage.FL_F64
    )
    cdef const fl_image_kernels *run = &kernels().images[storage]
    cdef ptrdiff_t i, n = cnp.PyArray_DIM(images, 0)
    cdef int axis
    cdef size_t image_bytes, out_bytes, scratch_bytes
    cdef const char *source = cnp.PyArray_BYTES(images)
    cdef char *target = cnp.PyArray_BYTES(out)
    cdef char *scratch
    cdef int *outside
    plan.image.height, plan.image.width, plan.image.channels = (
        cnp.PyArray_DIM(images, 1), cnp.PyArray_DIM(images, 2), cnp.PyArray_DIM(images, 3)
    )
    plan.space, plan.joint, plan.norm, plan.power = <fl_space>space, joint, <fl_norm>norm, power
    plan.low, plan.high, plan.white = low, high, white
    plan.grid_height, plan.grid_width = grid
    plan.axes = len(bins)
    # The last axis lies together, as in numpy.histogramdd; tables of single axes lie one behind another.
    plan.size = 1 if joint else 0
    for axis in range(<int>plan.axes - 1, -1, -1):
        plan.bins[axis] = bins[axis]
        plan.step[axis] = plan.size if joint else 1
        plan.size = plan.size * plan.bins[axis] if joint else plan.size
    for axis in range(<int>plan.axes):
        plan.first[axis] = 0 if joint else plan.size
        plan.size += 0 if joint else plan.bins[axis]
        plan.edges[axis] = <const double *>cnp.PyArray_DATA(edges[axis])
        plan.place[axis] = <const int32_t *>cnp.PyArray_DATA(places[axis])
    image_bytes = <size_t>cnp.PyArray_STRIDE(images, 0)
    out_bytes = <size_t>cnp.PyArray_STRIDE(out, 0)
    n_threads = <int>min(<ptrdiff_t>n_threads, n)
    n_threads = max(n_threads, 1)
    scratch_bytes = (run.histogram_prepare(&plan) + 63) // 64 * 64
    scratch = memory.take(scratch_bytes * <size_t>n_threads)
    outside = <int *>memory.take(<size_t>n_threads * sizeof(int))
    for i in range(n_threads):
        outside[i] = 0
    if n_threads == 1:
        with nogil:
            for i in range(n):
                outside[0] |= run.histogram(
                    &plan, source + <size_t>i * image_bytes, target + <size_t>i * out_bytes, scratch
                )
    else:
        with nogil, parallel(num_threads=n_threads):
            for i in prange(n, schedule="static"):
                outside[threadid()] |= run.histogram(
                    &plan, source + <size_t>i * image_bytes, target + <size_t>i * out_bytes,
                    scratch + <size_t>threadid() * scratch_bytes,
                )
    for i in range(1, n_threads):
        outside[0] |= outside[i]
    return outside[0] != 0
