/* Calls that a harness cannot make itself and go on. */
#ifndef HARNESS_DANGERS_H
#define HARNESS_DANGERS_H

#include <stddef.h>
#include <stdint.h>

#include "check.h"

struct danger {
    const char *name; /* what is wrong with the call; unique */
    const char *export;
    enum branch branch;
    const char *rule;    /* how the daemon answers a bind, NULL for properly */
    const char *pattern; /* what comes of it */
    void (*make)(uint64_t handle, char *text, size_t size);
};

/* Those that end the process, and those of a daemon inside it. */
extern const struct danger aborts[], embedded[];
extern const size_t abort_count, embedded_count;

/* The one of this name, NULL when there is none. */
const struct danger *danger_named(const char *name);

#endif
