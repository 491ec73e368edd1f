"""The loops: typed Cython over the C kernels of src_c. Takes clean arrays, releases the GIL, decides nothing."""
