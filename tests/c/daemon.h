/*
 * The daemon under test: one at a time, in a private directory of its own.
 *
 * However the harness ends, the daemon, its socket and the directory go with
 * it: at a usual end and on SIGHUP, SIGINT and SIGTERM at once, and by the
 * keeper (keeper.h) when the harness was killed or its Go runtime gave up.
 */
#ifndef HARNESS_DAEMON_H
#define HARNESS_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* To be called once, before the first daemon. */
void daemon_prepare(void);

/* Starts BINARY -socket PATH -q --profile PROFILE and waits, looking with
 * stat, until the socket is there. Writes what went wrong to `error`. */
bool daemon_start(const char *binary, const char *profile, char *error,
                  size_t error_length);

/* The path of the socket of the daemon that runs. */
const char *daemon_socket(void);

/* Stops the daemon where it is (SIGSTOP) and returns once it stands still;
 * lets it go on. Nothing is lost: the kernel keeps what clients write. */
bool daemon_freeze(void);
void daemon_thaw(void);

/* How a daemon ended. */
struct ending {
    bool in_time;      /* within five seconds after SIGTERM */
    int status;        /* the exit status, or 128 and the signal's number */
    bool socket_gone;  /* nothing is left at the socket's path */
    bool nothing_left; /* the directory was empty, and is removed */
};

/* Ends the daemon with SIGTERM and waits for it. */
struct ending daemon_stop(void);

/* Ends whatever runs and removes whatever is there; safe in a signal handler,
 * and when there is nothing to do. */
void daemon_abandon(void);

#endif
