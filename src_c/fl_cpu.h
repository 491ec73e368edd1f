/* What the CPU and the operating system license: exactly the bits that the levels' compiler flags stand for. */
#ifndef FL_CPU_H
#define FL_CPU_H

typedef struct {
    unsigned leaf1_ecx, leaf7_ebx, xcr0;
} fl_cpuid;

/* All zero where the architecture is not x86-64. */
fl_cpuid fl_cpu_read(void);
int fl_avx2_licensed(fl_cpuid cpu);
int fl_avx512_licensed(fl_cpuid cpu);

#endif
