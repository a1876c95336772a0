/*
 * Coverage of a libpilot that was built with `go build -cover`. Go writes the
 * counters of a program when that ends, which it does not see where the program
 * is C, so it has to be told. A library without a symbol table (-ldflags=-s)
 * cannot be.
 */
#ifndef HARNESS_COVERAGE_H
#define HARNESS_COVERAGE_H

#include <stdbool.h>

/* Writes this process's counters to $GOCOVERDIR, once, at its end. False where
 * libpilot has none, or nobody asked for them. */
bool coverage_flush(void);

#endif
