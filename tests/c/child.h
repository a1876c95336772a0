/*
 * Processes for calls that may never come back, or that end the process which
 * makes them. Go's runtime does not survive a fork, so each is a new run of
 * this program, which gets ready, waits for its cue, makes one call, tells
 * what came of it, and ends when its standard input does.
 */
#ifndef HARNESS_CHILD_H
#define HARNESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct child {
    pid_t pid; /* 0: none */
    int to, from;
    FILE *complaint; /* its standard error */
};

/* What this program was called. */
void children_are(const char *program);

/* Starts one that will make this call on this socket and returns when it is
 * ready; false after a failed check. */
bool child_start(struct child *child, const char *socket, const char *call);

/* Starts one without waiting for it; then waits. */
bool child_begin(struct child *child, const char *socket, const char *call);
bool child_ready(struct child *child);

/* Gives it its cue. */
void child_cue(struct child *child);

/* What came of the call; false when nothing did in time. */
bool child_tells(struct child *child, char *text, size_t size, int timeout_ms);

/* The line of its standard error that has this in it, waited for so long. */
bool child_complains(struct child *child, const char *part, char *line,
                     size_t size, int timeout_ms);

/* Ends it, with SIGKILL if it has to be; its exit status, or 128 and the
 * signal's number. */
int child_end(struct child *child);

/* Ends as many, after a word to each. */
void children_end(struct child *children, size_t count);

/* The part of such a process in main: argv from the word --child on. */
int child_main(int argc, char **argv);

#endif
