/*
 * Checks: one line PASS or FAIL each, counted.
 *
 * Every check belongs to an export of libpilot.h and to one of its branches,
 * so that the table at the end (exports.h) is made of what really ran.
 *
 * A reply is compared with a pattern: `*` stands for any run of characters,
 * none included, and `||` separates alternatives. A null pointer, which is how
 * many exports say that all went well, is compared with a null pattern.
 */
#ifndef HARNESS_CHECK_H
#define HARNESS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a call of an export is meant to show. */
enum branch {
    SUCCESS,         /* the reply of a good call */
    UNKNOWN_HANDLE,  /* a handle that was never given out, or was closed */
    DRIVER_HANDLE,   /* a driver where another kind is wanted */
    LISTENER_HANDLE, /* a listener where another kind is wanted */
    CONN_HANDLE,     /* a stream where another kind is wanted */
    BAD_ARGUMENT,    /* an argument that libpilot or the daemon refuses */
    ERROR_REPLY,     /* the daemon answers with an error out of the blue */
    NOT_JSON,        /* a reply that is no JSON */
    EMPTY_REPLY,     /* a reply without a payload */
    SHORT_REPLY,     /* a payload of one byte */
    WRONG_BYTE,      /* a reply to another command */
    CLOSED_BEFORE,   /* the daemon hangs up instead of replying */
    CLOSED_DURING,   /* it hangs up in the middle of the reply */
    CLOSED_AFTER,    /* it hangs up right after the reply */
    OVER_LIMIT,      /* a length of more than a frame may have */
    SILENCE,         /* no reply at all */
    DAEMON_GONE,     /* the daemon ended while the handle was open */
    TIMED_OUT,       /* a time limit of the call's own ran out */
    PEER_CLOSED,     /* the other end of the stream or listener was closed */
    UNASKED,         /* what the daemon sends of its own accord */
    BRANCHES,
    OTHER = BRANCHES /* of the harness itself, in no column of the table */
};

extern const char *const branch_names[BRANCHES];

/* Compares a reply and frees it. `what` tells checks of one branch apart and
 * may be empty. True when it passed. */
bool check_reply(const char *export, enum branch branch, const char *what,
                 char *reply, const char *pattern);

/* A call that gives a handle out and no error; gives the handle back. */
uint64_t check_handle(const char *export, const char *what, uint64_t handle,
                      char *error);

/* A call that gives no handle out but an error. */
bool check_no_handle(const char *export, enum branch branch, const char *what,
                     uint64_t handle, char *error, const char *pattern);

/* A text that is not libpilot's, so is not freed. */
bool check_text(const char *export, enum branch branch, const char *what,
                const char *got, const char *pattern);

/* A number. */
bool check_number(const char *export, enum branch branch, const char *what,
                  long long got, long long expected);

/* Bytes of which the first that differs is what a reader wants to know. */
bool check_bytes(const char *export, enum branch branch, const char *what,
                 const void *got, size_t got_length, const void *expected,
                 size_t expected_length);

/* A failure that has no reply of its own, printed as it is given. */
void check_failed(const char *name, const char *expected, const char *got);

/* Starts the watch over calls that never come back: when a check is not
 * followed by another one within so many seconds, the run fails and ends. */
void check_watch(unsigned seconds);

/* Prints the last line, "N passed, M failed"; the exit status of the run. */
int check_summary(void);

#endif
