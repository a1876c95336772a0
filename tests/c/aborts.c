/* Calls that end the process which makes them: findings about libpilot, each
 * with the input that does it. */
#include <libpilot.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "child.h"
#include "control.h"
#include "dangers.h"
#include "exports.h"
#include "faults.h"

#define PANIC "it aborts the process: panic: runtime error: "
#define BAD_SIZE PANIC "gobytes: length out of range*"
#define BAD_MEMORY PANIC "invalid memory address or nil pointer dereference*"
#define BAD_SLICE PANIC "slice bounds out of range [:2] with capacity *"

/* None of these comes back, so what they give is of no interest. */
#define MAKE(name, call)                                                       \
    static void name(uint64_t h, char *text, size_t size)                      \
    {                                                                          \
        call;                                                                  \
        snprintf(text, size, "it came back");                                  \
    }

MAKE(bind, PilotListen(h, 5000))
MAKE(write_negative, PilotConnWrite(h, "x", -1))
MAKE(write_null, PilotConnWrite(h, NULL, 5))
MAKE(send_negative, PilotSendTo(h, PEER_ADDRESS ":7", "x", -1))
MAKE(send_null, PilotSendTo(h, PEER_ADDRESS ":7", NULL, 5))
MAKE(broadcast_negative, PilotBroadcast(h, 7, 9, "x", -1, "t"))
MAKE(broadcast_null, PilotBroadcast(h, 7, 9, NULL, 5, "t"))

const struct danger aborts[] = {
    {"a bind reply without a payload", "PilotListen", EMPTY_REPLY,
     "\"payload\":\"\"", BAD_SLICE, bind},
    {"write of -1 bytes", "PilotConnWrite", BAD_ARGUMENT, NULL, BAD_SIZE,
     write_negative},
    {"write of 5 bytes at a null pointer", "PilotConnWrite", BAD_ARGUMENT,
     NULL, BAD_MEMORY, write_null},
    {"datagram of -1 bytes", "PilotSendTo", BAD_ARGUMENT, NULL, BAD_SIZE,
     send_negative},
    {"datagram of 5 bytes at a null pointer", "PilotSendTo", BAD_ARGUMENT,
     NULL, BAD_MEMORY, send_null},
    {"broadcast of -1 bytes", "PilotBroadcast", BAD_ARGUMENT, NULL, BAD_SIZE,
     broadcast_negative},
    {"broadcast of 5 bytes at a null pointer", "PilotBroadcast", BAD_ARGUMENT,
     NULL, BAD_MEMORY, broadcast_null},
};
const size_t abort_count = sizeof aborts / sizeof *aborts;

const struct danger *danger_named(const char *name)
{
    for (size_t i = 0; i < abort_count; i++)
        if (strcmp(aborts[i].name, name) == 0)
            return &aborts[i];
    for (size_t i = 0; i < embedded_count; i++)
        if (strcmp(embedded[i].name, name) == 0)
            return &embedded[i];
    return NULL;
}

static void one_abort(const struct danger *danger)
{
    char text[200], line[200], effect[500];
    struct child child;
    int status;

    if (!child_start(&child, calls_socket(), danger->name))
        return;
    if (danger->rule != NULL)
        rule_set("bind", danger->rule);
    child_cue(&child);
    child_tells(&child, text, sizeof text, 10000);
    child_complains(&child, "panic: ", line, sizeof line, 1000);
    status = child_end(&child);
    if (danger->rule != NULL)
        rule_lift();
    if (status == 128 + SIGABRT)
        snprintf(effect, sizeof effect, "it aborts the process: %s", line);
    else
        snprintf(effect, sizeof effect, "status %d, \"%s\", \"%s\"", status,
                 text, line);
    if (check_text(danger->export, danger->branch, danger->name, effect,
                   danger->pattern))
        exports_finding(danger->export, danger->name, effect);
}

void aborts_run(void)
{
    for (size_t i = 0; i < abort_count; i++)
        one_abort(&aborts[i]);
}
