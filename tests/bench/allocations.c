/* Counts what a process allocates: LD_PRELOAD=allocations.so MOCKPILOT_ALLOCATIONS=FILE PROGRAM.
 *
 * FILE gets four counters of eight bytes each, in the machine's order: calls of malloc, calloc and the
 * aligned ones; calls of realloc; calls of free with something to free; bytes that were asked for. They
 * count every thread and the C library's own calls, from before main to the end. Memory that was
 * mapped by hand (the stacks of threads) is not among them. The file is mapped: whoever reads it sees the
 * counts of now. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The library's own, under names that nothing can take from them. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

struct counts {
    uint64_t allocated, reallocated, freed, bytes;
};

/* Where counts go until the file is mapped. */
static struct counts early, *counts = &early;

static void count(uint64_t *counter, size_t by)
{
    __atomic_fetch_add(counter, by, __ATOMIC_RELAXED);
}

static void allocated(size_t size)
{
    count(&counts->allocated, 1);
    count(&counts->bytes, size);
}

__attribute__((constructor)) static void map_counts(void)
{
    const char *path = getenv("MOCKPILOT_ALLOCATIONS");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    void *mapped = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *counts) == 0)
        mapped = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        perror("MOCKPILOT_ALLOCATIONS");
        _exit(1);
    }
    close(fd);
    *(struct counts *)mapped = early;
    counts = mapped;
}

void *malloc(size_t size)
{
    allocated(size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocated(count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    count(&counts->reallocated, 1);
    count(&counts->bytes, size);
    return __libc_realloc(old, size);
}

void free(void *old)
{
    if (old)
        count(&counts->freed, 1);
    __libc_free(old);
}

void *memalign(size_t alignment, size_t size)
{
    allocated(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **into, size_t alignment, size_t size)
{
    void *fresh = memalign(alignment, size);
    if (!fresh)
        return ENOMEM;
    *into = fresh;
    return 0;
}
