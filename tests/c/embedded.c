/* A daemon inside the process: what of it needs no registry. */
#include <libpilot.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <poll.h>

#include "calls.h"
#include "child.h"
#include "dangers.h"
#include "exports.h"

/* A start or stop that takes longer is one that never comes back. */
#define DEADLINE_MS 1500
#define ANSWER_MS 10000

#define MAKE(name) static void name(uint64_t h, char *text, size_t size)

static void outcome(char *reply, char *text, size_t size)
{
    snprintf(text, size, "%s", reply ? reply : "null");
    FreeString(reply);
}

static char *start(const char *config)
{
    return PilotEmbeddedStart((char *)(uintptr_t)config);
}

/* Nothing listens on port 9 of the namespace's loopback interface, and there
 * is no way to any other address. */
static char *start_alone(void)
{
    const char *home = getenv("HOME");
    char config[1000];

    snprintf(config, sizeof config,
             "{\"data_dir\":\"%s/%ld\",\"socket_path\":\"%s/%ld.sock\","
             "\"registry_addr\":\"127.0.0.1:9\",\"beacon_addr\":"
             "\"192.0.2.1:9\"}",
             home, (long)getpid(), home, (long)getpid());
    return start(config);
}

static void *start_in_thread(void *unused)
{
    FreeString(start_alone());
    return unused;
}

MAKE(stop) { (void)h; outcome(PilotEmbeddedStop(), text, size); }
MAKE(start_null) { (void)h; outcome(start(NULL), text, size); }
MAKE(start_cut) { (void)h; outcome(start("{"), text, size); }
MAKE(start_array) { (void)h; outcome(start("[]"), text, size); }
MAKE(start_empty) { (void)h; outcome(start("{}"), text, size); }
MAKE(start_typed) { (void)h; outcome(start("{\"data_dir\":7}"), text, size); }
MAKE(start_lonely) { (void)h; outcome(start_alone(), text, size); }

/* The daemon logs to standard error once the start is under way. */
MAKE(stop_start)
{
    pthread_t thread;
    struct stat log;

    (void)h;
    if (pthread_create(&thread, NULL, start_in_thread, NULL) != 0)
        return;
    while (fstat(STDERR_FILENO, &log) == 0 && log.st_size == 0)
        poll(NULL, 0, 1);
    outcome(PilotEmbeddedStop(), text, size);
}

#define START "PilotEmbeddedStart"
#define STOP "PilotEmbeddedStop"

/* An empty pattern: it never comes back. */
const struct danger embedded[] = {
    {"stop without a start", STOP, SUCCESS, NULL,
     "{\"status\":\"not_started\"}", stop},
    {"start with a null pointer", START, BAD_ARGUMENT, NULL,
     "{\"error\":\"parse config: nil\"}", start_null},
    {"start with half an object", START, BAD_ARGUMENT, NULL,
     "{\"error\":\"parse config: unexpected end of JSON input\"}", start_cut},
    {"start with an array", START, BAD_ARGUMENT, NULL,
     "{\"error\":\"parse config: json: cannot unmarshal array into Go value of "
     "type main.embeddedConfig\"}",
     start_array},
    {"start without a directory", START, BAD_ARGUMENT, NULL,
     "{\"error\":\"data_dir required\"}", start_empty},
    {"start with a number for a directory", START, BAD_ARGUMENT, NULL,
     "{\"error\":\"parse config: json: cannot unmarshal number into Go struct "
     "field embeddedConfig.data_dir of type string\"}",
     start_typed},
    {"start without a registry", START, SILENCE, NULL, "", start_lonely},
    {"stop during a start", STOP, SILENCE, NULL, "", stop_start},
};
const size_t embedded_count = sizeof embedded / sizeof *embedded;

static void one(const struct danger *danger)
{
    char text[OUTCOME], line[OUTCOME];
    const bool silent = *danger->pattern == '\0';
    struct child child;

    if (!child_start(&child, "", danger->name))
        return;
    child_cue(&child);
    child_tells(&child, text, sizeof text, silent ? DEADLINE_MS : ANSWER_MS);
    if (check_text(danger->export, danger->branch, danger->name, text,
                   danger->pattern) &&
        silent) {
        exports_finding(danger->export, danger->name,
                        "it does not come back within 1.5 s: the registry is "
                        "tried again and again");
        check_text(danger->export, danger->branch, "it tries again",
                   child_complains(&child, "registry dial failed, retrying",
                                   line, sizeof line, ANSWER_MS)
                       ? "yes"
                       : "no",
                   "yes");
    }
    child_end(&child);
}

void embedded_run(void)
{
    for (size_t i = 0; i < embedded_count; i++)
        one(&embedded[i]);
}
