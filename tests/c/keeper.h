/*
 * The keeper: a shell that outlives the harness by a moment.
 *
 * atexit and signal handlers do not run when the harness is killed with
 * SIGKILL, or when the Go runtime of libpilot ends the process. The keeper
 * reads a pipe whose other end only the harness has; when it closes without a
 * release, the keeper ends the daemon and removes its directory.
 */
#ifndef HARNESS_KEEPER_H
#define HARNESS_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

/* To be called once, before the first daemon. */
bool keeper_start(void);

/* From now on this daemon (0: none yet) and this directory are to go. */
void keeper_hold(pid_t pid, const char *directory);

/* There is nothing to take care of any more; safe in a signal handler. */
void keeper_release(void);

/* Waits for the keeper's end. */
void keeper_stop(void);

#endif
