/*
 * The daemons under test, one at a time: the plain way, as any program can
 * start one, and by mockpilot.h.
 *
 * However the harness ends, a daemon and its socket go with it: the daemon
 * watches its parent (the plain way) or a lifeline (mockpilot.h), and there is
 * no directory.
 */
#ifndef HARNESS_DAEMON_H
#define HARNESS_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

/* How a daemon ended. */
struct ending {
    int status;       /* the exit status, or 128 and the signal's number: that
                         of SIGKILL when it did not end in time */
    bool socket_gone; /* nothing is left at the socket's path */
};

/* The plain way: runs BINARY -socket PATH and waits, looking with stat, until
 * the socket is there. What went wrong, or NULL. */
const char *plain_start(const char *binary);

/* The path of the socket of the plain daemon. */
const char *plain_socket(void);

/* Ends the plain daemon with SIGTERM and waits for it. */
struct ending plain_stop(void);

/* Starts a daemon with mockpilot.h, in this profile, with this scenario unless
 * NULL, and with a control socket. What went wrong, or NULL. */
const char *daemon_start(const char *binary, const char *profile,
                         const char *scenario);

/* Asks its control socket, as mockpilot_ctl does. What went wrong, or NULL. */
const char *daemon_ask(const char *verb, const char *json, char *answer,
                       size_t size);

/* The path of the socket of the daemon started last. */
const char *daemon_socket(void);

/* Stops the daemon where it is (SIGSTOP) and returns once it stands still;
 * lets it go on. Nothing is lost: the kernel keeps what clients write. */
bool daemon_freeze(void);
void daemon_thaw(void);

/* Ends the daemon and waits for it. */
struct ending daemon_stop(void);

#endif
