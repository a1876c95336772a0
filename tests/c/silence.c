/* Calls that may never come back: every one that asks or waits for something,
 * at once, each in a process of its own and against a deadline. */
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "child.h"
#include "control.h"
#include "exports.h"
#include "faults.h"

/* A call that takes longer is one that never comes back. */
#define DEADLINE_MS 1000
/* Time for those that do, on a busy machine. */
#define ANSWER_MS 10000
#define SOME 64

static struct child children[SOME];

static bool is(const struct call *call, const char *export)
{
    return strcmp(call->export, export) == 0;
}

/* Those that come back by themselves, and with what. */
static const char *comes_back(const struct call *call)
{
    if (is(call, "PilotDialTimeout"))
        return "{\"error\":\"dial: dial timeout\"}";
    if (call->answer == NO_WAIT || call->answer == NO_REPLY)
        return call->good;
    return NULL;
}

/* What the others come to once the daemon hangs up; NULL: still nothing. */
static const char *hung_up(const struct call *call, char *text, size_t size)
{
    if (is(call, "PilotRecvFrom"))
        return NULL;
    if (is(call, "PilotListenerAccept"))
        return "{\"error\":\"listener closed\"}";
    if (is(call, "PilotConnRead"))
        return "{\"error\":\"EOF\"}";
    snprintf(text, size, "{\"error\":\"%s%sdaemon disconnected\"}",
             call->words, *call->words ? ": " : "");
    return text;
}

/* Those that wait for a push have a turn of their own: what the others ask for
 * is done, and may be pushed. */
static bool takes_part(const struct call *call, enum branch branch,
                       bool waiting)
{
    return call->answer != NO_REQUEST && (call->answer == PUSHED) == waiting &&
           exports_why_not(call->export, branch) == 0;
}

static void after_hang_up(const struct call *call, struct child *child,
                          enum branch branch)
{
    const enum branch then = call->answer == PUSHED ? CLOSED_DURING : branch;
    char text[OUTCOME], pattern[200];
    const char *expected = hung_up(call, pattern, sizeof pattern);

    if (expected != NULL) {
        child_tells(child, text, sizeof text, ANSWER_MS);
        check_text(call->export, then, "when the daemon hangs up on it", text,
                   expected);
        return;
    }
    child_tells(child, text, sizeof text, DEADLINE_MS);
    check_text(call->export, then, "when the daemon hangs up on it, never "
               "comes back", text, "");
    check_text(call->export, DAEMON_GONE, "never comes back", text, "");
    exports_finding(call->export, "the daemon hangs up while it waits",
                    "it never comes back");
}

/* Starts all that take part, and returns when they are ready. */
static bool begin(enum branch branch, bool waiting)
{
    bool ready = control("reset", "{}");

    for (size_t i = 0; i < call_count; i++)
        if (takes_part(&calls[i], branch, waiting))
            ready = child_begin(&children[i], calls_socket(),
                                calls[i].export) && ready;
    for (size_t i = 0; i < call_count; i++)
        if (children[i].pid != 0)
            ready = child_ready(&children[i]) && ready;
    return ready;
}

/* Every request has arrived, so that it is the reply that is missing. */
static void await_all(void)
{
    for (size_t i = 0; i < call_count; i++)
        if (children[i].pid != 0 && calls[i].on != NULL)
            control("await", "{\"on\":\"%s\",\"timeout\":\"10s\"}",
                    calls[i].on);
}

/* One deadline for all: the first has waited for it. */
static void check_silence(enum branch branch, const char *finding)
{
    int left = DEADLINE_MS;
    char text[OUTCOME];

    for (size_t i = 0; i < call_count; i++) {
        if (children[i].pid == 0 || comes_back(&calls[i]) != NULL)
            continue;
        child_tells(&children[i], text, sizeof text, left);
        left = 0;
        if (check_text(calls[i].export, branch, "never comes back", text, "") &&
            finding != NULL)
            exports_finding(calls[i].export, finding, "it never comes back");
    }
}

static void check_others(enum branch branch)
{
    char text[OUTCOME];

    for (size_t i = 0; i < call_count; i++)
        if (children[i].pid != 0 && comes_back(&calls[i]) != NULL) {
            child_tells(&children[i], text, sizeof text, ANSWER_MS);
            check_text(calls[i].export, branch, "comes back", text,
                       comes_back(&calls[i]));
        }
}

/* To wait for ever for a push that nobody promised is no finding: NULL. */
static void all_at_once(enum branch branch, bool waiting, const char *how,
                        const char *finding)
{
    if (begin(branch, waiting) && rule_set("*", how)) {
        for (size_t i = 0; i < call_count; i++)
            if (children[i].pid != 0)
                child_cue(&children[i]);
        await_all();
        check_silence(branch, finding);
        check_others(branch);
        clients_drop();
        for (size_t i = 0; i < call_count; i++)
            if (children[i].pid != 0 && comes_back(&calls[i]) == NULL)
                after_hang_up(&calls[i], &children[i], branch);
        rule_lift();
    }
    children_end(children, SOME);
}

void silence_run(void)
{
    all_at_once(SILENCE, false, "\"fault\":\"no_reply\"", "no reply");
    all_at_once(SILENCE, true, "\"fault\":\"no_reply\"", NULL);
    all_at_once(WRONG_BYTE, false, "\"fault\":{\"command\":127}",
                "a reply of another command");
}
