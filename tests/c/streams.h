/* What the groups that use streams share. */
#ifndef HARNESS_STREAMS_H
#define HARNESS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"

/* Writes so many bytes in one call; two checks. */
bool stream_write(uint64_t conn, const char *what, const void *data,
                  size_t length);

/* Reads until so many bytes came or none come any more; one check. */
bool stream_read(uint64_t conn, const char *what, const void *expected,
                 size_t length);

/* The next read is the end of the stream. */
void stream_ended(uint64_t conn, enum branch branch, const char *what);

#endif
