/* Coverage of a libpilot that was built with `go build -cover`. */
#ifndef HARNESS_COVERAGE_H
#define HARNESS_COVERAGE_H

/* Writes this process's counters to $GOCOVERDIR. Does nothing where libpilot
 * has none. */
void coverage_flush(void);

#endif
