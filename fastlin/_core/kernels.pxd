"""The kernel table of src_c, and the one in use."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t


cdef extern from "fl_images.h" nogil:
    ctypedef struct fl_image:
        ptrdiff_t height, width, channels
    ctypedef enum fl_norm:
        pass
    ctypedef enum fl_space:
        pass

    ctypedef struct fl_hog:
        fl_image image
        ptrdiff_t cell_height, cell_width, block_height, block_width, orientations
        int is_signed, interpolate, square_root
        fl_norm norm
        const double *cotangent

    ctypedef struct fl_histogram:
        fl_image image
        fl_space space
        int joint
        ptrdiff_t axes
        ptrdiff_t bins[3]
        ptrdiff_t grid_height, grid_width
        fl_norm norm
        double power, low, high, white
        const double *edges[3]
        const int32_t *place[3]
        ptrdiff_t step[3]
        ptrdiff_t first[3]
        ptrdiff_t size

    ctypedef struct fl_image_kernels:
        size_t (*hog_scratch)(const fl_hog *plan) noexcept nogil
        void (*hog)(const fl_hog *plan, const void *image, void *features, void *scratch) noexcept nogil
        size_t (*histogram_prepare)(fl_histogram *plan) noexcept nogil
        int (*histogram)(const fl_histogram *plan, const void *image, void *features, void *scratch) noexcept nogil


cdef extern from "fl_kernels.h" nogil:
    ctypedef enum fl_storage:
        FL_U8, FL_F16, FL_F32, FL_F64
    ctypedef enum fl_real:
        FL_REAL32, FL_REAL64
    ctypedef enum fl_loss_kind:
        FL_SOFTMAX, FL_HINGE_SUM, FL_HINGE_MAX

    ctypedef struct fl_loss:
        fl_loss_kind kind
        int power
        double margin

    ctypedef struct fl_model:
        void *w_cd
        void *v_cd
        void *s_cd
        void *a_cd
        ptrdiff_t ld

    ctypedef struct fl_step:
        double lr, momentum, l2, l1, beta2, epsilon, first, second, share
        int nesterov

    ctypedef struct fl_report:
        double gradient, update, weight

    ctypedef struct fl_fold:
        const void *shift_d
        const void *scale_d

    const ptrdiff_t FL_SPARSE_ROWS

    ctypedef struct fl_sparse:
        pass

    ctypedef struct fl_row_kernels:
        void (*scores)(ptrdiff_t n, ptrdiff_t d, ptrdiff_t c, const void *const *x_n, const void *w_packed, void *s_nc,
                       ptrdiff_t ld_s, void *scratch, const void *const *next_n) noexcept nogil
        void (*gradient)(ptrdiff_t n, ptrdiff_t c, const void *const *x_n, const void *g_nc, ptrdiff_t ld_g,
                         ptrdiff_t d0, ptrdiff_t d1, void *dw_cd, ptrdiff_t ld_dw, int accumulate,
                         const void *const *next_n) noexcept nogil
        void (*gradient_sparse)(ptrdiff_t n, ptrdiff_t c, const void *const *x_n, const fl_sparse *sparse, ptrdiff_t d,
                                void *dw_cd, ptrdiff_t ld_dw, int accumulate,
                                const void *const *next_n) noexcept nogil
        void (*centre)(ptrdiff_t n, const void *const *x_n, ptrdiff_t d0, ptrdiff_t d1, const void *centre_d,
                       void *out_nd, ptrdiff_t ld_out) noexcept nogil
        void (*moments)(ptrdiff_t n, const void *const *x_n, const double *weight_n, double seen, ptrdiff_t d0,
                        ptrdiff_t d1, double *mean_d, double *m2_d) noexcept nogil
        ptrdiff_t run_rows

    ctypedef struct fl_real_kernels:
        size_t size
        ptrdiff_t lanes
        ptrdiff_t (*packed_size)(ptrdiff_t c, ptrdiff_t d) noexcept nogil
        void (*pack)(ptrdiff_t c, ptrdiff_t d, ptrdiff_t d0, ptrdiff_t d1, const void *w_cd, const void *reference_d,
                     fl_fold fold, void *w_packed) noexcept nogil
        void (*shift_dot)(ptrdiff_t c, ptrdiff_t d, ptrdiff_t d0, ptrdiff_t d1, const void *w_cd,
                          const void *reference_d, fl_fold fold, double *dot_c) noexcept nogil
        double (*loss_rows)(const fl_loss *loss, ptrdiff_t n, ptrdiff_t c, int compared, void *s_nc, ptrdiff_t ld_s,
                            const void *bias_c, const int64_t *y_n, const double *share_n, double *db_c,
                            int64_t *n_correct) noexcept nogil
        ptrdiff_t (*drop_zeros)(ptrdiff_t n, ptrdiff_t c, void *s_nc, ptrdiff_t ld_s, const void **x_n) noexcept nogil
        int (*compress)(ptrdiff_t n, ptrdiff_t c, ptrdiff_t d, const void *g_nc, ptrdiff_t ld_g, void *room,
                        size_t n_bytes, fl_sparse *sparse) noexcept nogil
        void (*add_bias)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, ptrdiff_t ld_s, const void *bias_c, void *out_nc,
                         ptrdiff_t ld_out) noexcept nogil
        void (*argmax)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, ptrdiff_t ld_s, const void *bias_c,
                       int64_t *out_n) noexcept nogil
        void (*probabilities)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, void *p_nc) noexcept nogil
        double (*finish_gradient)(ptrdiff_t c, ptrdiff_t d, const void *parts_cd, ptrdiff_t ld_parts,
                                  ptrdiff_t n_parts, ptrdiff_t stride, fl_fold fold, const double *db_c,
                                  const void *w_cd, ptrdiff_t ld_w, double l2, double l1, void *out_cd,
                                  ptrdiff_t ld_out) noexcept nogil
        void (*balance)(ptrdiff_t c, ptrdiff_t d, void *dw_cd, ptrdiff_t ld_dw) noexcept nogil
        void (*sum_parts)(ptrdiff_t c, ptrdiff_t d, const void *parts_cd, ptrdiff_t ld_parts, ptrdiff_t n_parts,
                          ptrdiff_t of_group, ptrdiff_t stride, void *out_cd, ptrdiff_t ld_out) noexcept nogil
        double (*update)(ptrdiff_t c, ptrdiff_t d, fl_model model, const void *dw_cd, ptrdiff_t ld_dw, fl_fold fold,
                         const double *db_c, const fl_step *step, fl_report *report) noexcept nogil
        double (*penalty)(ptrdiff_t c, ptrdiff_t d, const void *w_cd, ptrdiff_t ld_w, double l2,
                          double l1) noexcept nogil

    ctypedef struct fl_peak:
        double (*multiply_add)(ptrdiff_t rounds, double a, double b) noexcept nogil
        ptrdiff_t flops

    ctypedef struct fl_plane_kernels:
        void (*interleave3)(ptrdiff_t n, ptrdiff_t pixels, const uint8_t *planes_n, ptrdiff_t ld_planes,
                            uint8_t *out_n) noexcept nogil

    ctypedef struct fl_words:
        ptrdiff_t n_words, padded, even, odd

    ctypedef struct fl_run:
        int64_t first, n, region

    ctypedef struct fl_pooling:
        ptrdiff_t bins_y, bins_x, regions_x
        const int64_t *first_y
        const int64_t *last_y
        const int64_t *first_x
        const int64_t *last_x
        ptrdiff_t mirrors, signs
        int join
        double power

    ctypedef struct fl_patch_kernels:
        void (*pixels)(ptrdiff_t n, const void *image_n, int is_u8, float scale, float *plane_n) noexcept nogil
        void (*patches)(ptrdiff_t n, const float *plane, ptrdiff_t ld_plane, const int64_t *offset_n, ptrdiff_t rows,
                        ptrdiff_t d, float eps, float *x_nd, ptrdiff_t ld_x, float *mean_n,
                        float *factor_n) noexcept nogil
        void (*contrast)(ptrdiff_t n, ptrdiff_t d, float *w_nd, ptrdiff_t ld_w, const float *mean_n,
                         const float *factor_n, const float *ones_d, const float *bias_d, float *norm_n) noexcept nogil
        void (*triangle)(const fl_words *words, const float *norm_w, float norm, float *dots,
                         float *sums) noexcept nogil
        ptrdiff_t (*nearest)(const fl_words *words, const float *norm_w, const float *dots) noexcept nogil
        void (*pool)(const fl_words *words, const fl_pooling *pooling, const float *sums,
                     float *features) noexcept nogil

    ctypedef struct fl_word_products:
        const char *name
        int built
        ptrdiff_t rows
        ptrdiff_t (*panel)(const fl_words *words) noexcept nogil
        ptrdiff_t (*cells)(const fl_words *words) noexcept nogil
        void (*pack)(const fl_words *words, const float *words_nd, float *packed) noexcept nogil
        void (*load)(const fl_words *words, ptrdiff_t n, const float *w_nd, ptrdiff_t ld_w, float *rows) noexcept nogil
        void (*soft)(const fl_words *words, ptrdiff_t n_runs, const fl_run *runs, const float *rows,
                     const float *packed, float threshold, float *sums) noexcept nogil
        void (*dots)(const fl_words *words, ptrdiff_t n, const float *rows, const float *packed,
                     float *dots) noexcept nogil
        fl_peak peak

    ctypedef struct fl_kernels:
        const char *name
        int built
        fl_row_kernels rows[4]
        fl_real_kernels real[2]
        fl_plane_kernels planes
        fl_image_kernels images[4]
        fl_patch_kernels patches
        fl_word_products words
        fl_peak peaks[2]
        uint32_t (*read)(ptrdiff_t n, const void *bytes_n) noexcept nogil

    enum:
        FL_READ_BYTES
    size_t FL_SCRATCH_BYTES(ptrdiff_t n)
    const fl_kernels fl_kernels_baseline, fl_kernels_avx2, fl_kernels_avx512
    const fl_word_products fl_words_bf16, fl_words_amx


cdef const fl_kernels *kernels() noexcept nogil
cdef const fl_word_products *word_products(str name) except NULL
cdef void convert(char code, int swapped, ptrdiff_t n, const void *const *x_n, ptrdiff_t col_stride, ptrdiff_t d0,
                  ptrdiff_t d1, fl_real real, void *out_nd, ptrdiff_t ld_out) noexcept nogil
