"""How the rows of a batch are cut for the threads of an epoch.

(A) Blocks, the rows that stay in cache between scores and gradient, are the same for any number of threads, and so are
    groups of blocks. A group's gradient is the sum of its blocks', in their order; a batch's that of its groups'.
(B) A thread takes a group, whose blocks add to one sum as they come; or, where threads outnumber groups, a block, whose
    sum is kept for itself and added in the same order later. The bits are the same.
(C) Where the gradient is too large to be kept more than once, pieces are blocks, and it is made for a panel of rows at
    a time.
"""

from fastlin._core.rows cimport cuts_of, gradient_stride, products_of, row_work, rows_in_cache, size_block


# A block is read twice, so most of it should still be in a second-level cache of 1 MiB the second time.
cdef enum:
    BLOCK_BYTES = 700 * 1024
# Where pieces have no gradient of their own, blocks are what threads share: 256 rows make 8 of them.
cdef enum:
    BLOCK_ROWS = 32
# The largest gradient that pieces keep for themselves; all groups' together, which are added up from the second-level
# cache; and all blocks', from the third.
cdef enum:
    ONE_PART_BYTES = 256 * 1024
    GROUPS_BYTES = 1024 * 1024
    BLOCKS_BYTES = 4 * 1024 * 1024
# About 160 us of one core make a group: one thread has few sums to add up, two have one each. A quarter of that makes a
# block, until there are enough for many threads: more would cost one thread more than they bring those.
cdef enum:
    GROUP_WORK = 16_000_000
    BLOCK_WORK = 4_000_000
    ENOUGH_BLOCKS = 16
# Features of a slice: long enough that a row's are read as a stream; fewer where a slice is half of a batch's work.
cdef enum:
    SLICE = 256
    SLICE_OF_ROWS = 128
# Rows whose coefficients and pointers stay in the second-level cache beside a slice of their features.
cdef enum:
    PANEL_ROWS = 1024


cpdef double batch_work(ptrdiff_t batch_size, ptrdiff_t n_classes, ptrdiff_t n_features) noexcept nogil:
    """Operations of a batch, as threads and pieces are dealt out by them."""
    return batch_size * row_work(n_classes, n_features)


cdef Sizes cut_rows(
    Cut *cut, const Rows *rows, ptrdiff_t n_classes, ptrdiff_t batch_size, int n_threads
) noexcept nogil:
    """Heights of blocks, groups and panels, from the shape and the batch size; of pieces, from the threads as well."""
    cdef Sizes sizes
    cdef ptrdiff_t height = rows_in_cache(rows, n_classes, BLOCK_BYTES), n_groups, n_blocks
    cdef double work = batch_work(batch_size, n_classes, rows.n_features)
    cdef ptrdiff_t part_bytes = n_classes * gradient_stride(rows) * <ptrdiff_t>rows.real.size
    if part_bytes > ONE_PART_BYTES:
        sizes = size_block(rows, n_classes, products_of(n_classes), min(BLOCK_ROWS, height))
        cut.piece_rows = cut.group_rows = sizes.most_rows
        cut.panel_rows = cuts_of(min(PANEL_ROWS, batch_size), cut.piece_rows) * cut.piece_rows
        cut.slice_features = SLICE_OF_ROWS
        cut.ld_part = 0
        return sizes
    n_groups = max(<ptrdiff_t>1, min(GROUPS_BYTES // part_bytes, <ptrdiff_t>(work / GROUP_WORK + 0.5)))
    cut.group_rows = cuts_of(batch_size, n_groups)
    # Equal blocks, a fifth above what fits at most and few: each reads and writes the group's gradient once, and is one
    # sum of the kernel's. An even number of rows, as the scores take them in pairs.
    n_blocks = max(cuts_of(cut.group_rows, min(height * 6 // 5, rows.kernels.run_rows)),
                   <ptrdiff_t>(min(work / BLOCK_WORK, <double>ENOUGH_BLOCKS) / n_groups + 0.5))
    height = cuts_of(cut.group_rows, n_blocks)
    height += height % 2
    sizes = size_block(rows, n_classes, products_of(n_classes), height)
    cut.group_rows = cut.piece_rows = cuts_of(cut.group_rows, height) * height
    if n_threads > n_groups and cuts_of(batch_size, height) * part_bytes <= BLOCKS_BYTES:
        cut.piece_rows = height
    cut.panel_rows = cut.group_rows * n_groups
    cut.slice_features = SLICE
    cut.ld_part = gradient_stride(rows)
    return sizes
