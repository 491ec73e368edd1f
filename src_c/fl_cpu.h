/* What the CPU and the operating system license: exactly the bits that the levels' compiler flags stand for. */
#ifndef FL_CPU_H
#define FL_CPU_H

typedef struct {
    unsigned leaf1_ecx, leaf7_ebx, xcr0;
    unsigned leaf7_edx, leaf7_1_eax;
    int amd; /* the maker of whose processors a vdpbf16ps is as fast as a multiply-add of floats */
} fl_cpuid;

/* All zero where the architecture is not x86-64. */
fl_cpuid fl_cpu_read(void);
int fl_avx2_licensed(fl_cpuid cpu);
int fl_avx512_licensed(fl_cpuid cpu);
/* Beside the level avx512: AVX512-BF16, and AMX tiles of bfloat16. */
int fl_bf16_licensed(fl_cpuid cpu);
int fl_amx_licensed(fl_cpuid cpu);
/* Whether the system lets this process use the tiles' 8 KiB of state, for which it must be asked once. */
int fl_amx_permitted(void);

#endif
