"""Histograms of oriented gradients of a batch of images: an image at a time, each by one thread."""

cimport numpy as cnp
from cython.parallel cimport parallel, prange, threadid

from fastlin._core.kernels cimport fl_hog, fl_image_kernels, fl_norm, fl_storage, kernels
from fastlin._core.rows cimport Memory

cnp.import_array()


def hog(
    cnp.ndarray images not None, cell, block, int orientations, bint is_signed, bint interpolate, bint square_root,
    int norm, cnp.ndarray cotangent not None, cnp.ndarray out not None, int n_threads,
):
    """Write out (N, D) for C-contiguous images (N, height, width, channels) of uint8, float32 or float64.

    `cell` and `block` are (height, width); `cotangent` is of the bins' edges, as src_c/hog.inc.h wants it.
    """
    cdef fl_hog plan
    cdef Memory memory = Memory()
    cdef char code = images.descr.type
    cdef int storage = (
        fl_storage.FL_U8 if code == b"B" else fl_storage.FL_F32 if code == b"f" else fl_storage.FL_F64
    )
    cdef const fl_image_kernels *run = &kernels().images[storage]
    cdef ptrdiff_t i, n = cnp.PyArray_DIM(images, 0)
    cdef size_t image_bytes, out_bytes, scratch_bytes
    cdef const char *source = cnp.PyArray_BYTES(images)
    cdef char *target = cnp.PyArray_BYTES(out)
    cdef char *scratch
    plan.image.height, plan.image.width, plan.image.channels = (
        cnp.PyArray_DIM(images, 1), cnp.PyArray_DIM(images, 2), cnp.PyArray_DIM(images, 3)
    )
    plan.cell_height, plan.cell_width = cell
    plan.block_height, plan.block_width = block
    plan.orientations, plan.is_signed, plan.interpolate = orientations, is_signed, interpolate
    plan.square_root, plan.norm = square_root, <fl_norm>norm
    plan.cotangent = <const double *>cnp.PyArray_DATA(cotangent)
    image_bytes = <size_t>cnp.PyArray_STRIDE(images, 0)
    out_bytes = <size_t>cnp.PyArray_STRIDE(out, 0)
    n_threads = <int>min(<ptrdiff_t>n_threads, n)
    scratch_bytes = (run.hog_scratch(&plan) + 63) // 64 * 64
    scratch = memory.take(scratch_bytes * <size_t>max(n_threads, 1))
    if n_threads <= 1:
        with nogil:
            for i in range(n):
                run.hog(&plan, source + <size_t>i * image_bytes, target + <size_t>i * out_bytes, scratch)
    else:
        with nogil, parallel(num_threads=n_threads):
            for i in prange(n, schedule="static"):
                run.hog(&plan, source + <size_t>i * image_bytes, target + <size_t>i * out_bytes,
                        scratch + <size_t>threadid() * scratch_bytes)
