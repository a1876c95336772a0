/*
 * Every export that talks to the daemon, as a call that can be made of it
 * whatever its signature is: with arguments that will do, on a given handle.
 */
#ifndef HARNESS_CALLS_H
#define HARNESS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"

/* What its first argument is. */
enum kind { NO_HANDLE, DRIVER, LISTENER, CONN };

/* What comes back from the daemon. */
enum answer {
    NO_REQUEST, /* nothing is sent */
    NO_REPLY,   /* the request is one that is never answered */
    NO_WAIT,    /* a reply, for which libpilot does not wait */
    BYTES,      /* a reply that is no JSON */
    JSON,       /* a reply in JSON */
    PUSHED,     /* nothing is sent, but waited for what the daemon pushes */
};

struct call {
    const char *export;
    enum kind takes;
    enum answer answer;
    bool plain;        /* every value of its other arguments will do */
    const char *on;    /* the request, as a rule names it */
    const char *words; /* what libpilot puts before an error of it */
    const char *good;  /* the outcome of a call that succeeds */
    void (*make)(uint64_t handle, char *text, size_t size);
};

extern const struct call calls[];
extern const size_t call_count;

/* As long as an outcome can be; the rest is cut. */
#define OUTCOME 4096

/* The call of this export, NULL when there is none. */
const struct call *call_named(const char *export);

/* The socket that PilotConnect is called with. */
const char *calls_socket(void);
void calls_use(const char *socket_path);

/* Makes the call; its outcome is the reply's text, "null", "a handle", or the
 * number of bytes. One check. */
bool call_check(const struct call *call, enum branch branch, const char *what,
                uint64_t handle, const char *pattern);

/* A handle of the kind that the call takes, fresh, on a driver of its own,
 * which is given back; 0 for both when the call takes none. False when there
 * is none to be had, after a failed check. */
bool call_prepare(const struct call *call, uint64_t *driver, uint64_t *handle);

/* The port that was bound last. */
unsigned calls_last_port(void);

/* A driver, or a handle of another kind on a driver; 0 after a failed check. */
uint64_t handle_of(enum kind kind, uint64_t driver);

#endif
