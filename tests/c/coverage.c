/*
 * Flushing libpilot's coverage counters: see coverage.h.
 *
 * The function of Go's runtime that writes them is not exported, so it is
 * looked up in the symbol table of the library's file, and called as cgo's own
 * wrappers call: by crosscall2, which is exported by every Go library.
 */
#define _GNU_SOURCE /* dladdr */
#include "coverage.h"

#include <stdlib.h>

#ifdef __linux__

#include <dlfcn.h>
#include <elf.h>
#include <libpilot.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Of this release of Go, and of those before 1.24. */
static const char *const names[] = {
    "internal/coverage/cfile.emitCounterData",
    "runtime/coverage.emitCounterData",
};

typedef void (*crosscall)(void (*function)(void *), void *frame, int size,
                          size_t context);

/* A part of the file in memory, NULL when there is none. */
static void *part(FILE *file, uint64_t offset, uint64_t size)
{
    void *bytes = size > 0 && size < UINT32_MAX ? malloc((size_t)size) : NULL;

    if (bytes != NULL && (fseek(file, (long)offset, SEEK_SET) != 0 ||
                          fread(bytes, (size_t)size, 1, file) != 1)) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

static bool is_wanted(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The function's address from the library's start on; 0 when it has none. */
static uint64_t in_table(FILE *file, const ElfW(Shdr) *table,
                         const ElfW(Shdr) *text)
{
    ElfW(Sym) *symbols = part(file, table->sh_offset, table->sh_size);
    char *strings = part(file, text->sh_offset, text->sh_size);
    uint64_t found = 0;

    if (symbols != NULL && strings != NULL && strings[text->sh_size - 1] == 0)
        for (size_t i = 0; found == 0 && i < table->sh_size / sizeof *symbols;
             i++)
            if (symbols[i].st_name < text->sh_size &&
                is_wanted(strings + symbols[i].st_name))
                found = symbols[i].st_value;
    free(symbols);
    free(strings);
    return found;
}

static uint64_t in_file(FILE *file)
{
    ElfW(Ehdr) *header = part(file, 0, sizeof *header);
    ElfW(Shdr) *sections = NULL;
    uint64_t found = 0;

    if (header != NULL && header->e_shentsize == sizeof *sections)
        sections = part(file, header->e_shoff,
                        header->e_shnum * (uint64_t)sizeof *sections);
    for (size_t i = 0; sections != NULL && i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB &&
            sections[i].sh_link < header->e_shnum)
            found = in_table(file, &sections[i],
                             &sections[sections[i].sh_link]);
    free(sections);
    free(header);
    return found;
}

bool coverage_flush(void)
{
    const char *directory = getenv("GOCOVERDIR");
    void *call = dlsym(RTLD_DEFAULT, "crosscall2");
    void *library = dlsym(RTLD_DEFAULT, "FreeString");
    void (*write_counters)(void *);
    uintptr_t address;
    crosscall cross;
    uint64_t offset;
    Dl_info where;
    FILE *file;

    if (directory == NULL || *directory == '\0' || call == NULL ||
        library == NULL || dladdr(library, &where) == 0 ||
        (file = fopen(where.dli_fname, "rb")) == NULL)
        return false;
    offset = in_file(file);
    fclose(file);
    if (offset == 0)
        return false;
    address = (uintptr_t)where.dli_fbase + (uintptr_t)offset;
    memcpy(&write_counters, &address, sizeof address);
    memcpy(&cross, &call, sizeof call);
    cross(write_counters, NULL, 0, 0);
    return true;
}

#else

bool coverage_flush(void)
{
    return false;
}

#endif
