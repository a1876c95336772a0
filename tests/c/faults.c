/* Bad answers: every call of the table against every fault of a reply. */
#include "faults.h"

#include <libpilot.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "control.h"
#include "exports.h"

#define GONE(words) "{\"error\":\"" words "daemon disconnected\"}"

static const struct fault {
    enum branch branch;
    const char *what, *how;
    bool hangs_up;
} faults[] = {
    {ERROR_REPLY, "", "\"error\":\"not today\"", false},
    {NOT_JSON, "", "\"payload\":\"not json\"", false},
    {EMPTY_REPLY, "", "\"payload\":\"\"", false},
    {SHORT_REPLY, "", "\"payload\":{\"hex\":\"00\"}", false},
    {CLOSED_BEFORE, "", "\"fault\":\"close\"", true},
    {CLOSED_DURING, "in its length", "\"fault\":{\"truncate\":2}", true},
    {CLOSED_DURING, "after its length", "\"fault\":{\"truncate\":4}", true},
    {CLOSED_DURING, "in its payload", "\"fault\":{\"truncate\":6}", true},
    {CLOSED_AFTER, "", "\"fault\":{\"truncate\":1048580}", true},
    {OVER_LIMIT, "", "\"fault\":{\"length\":1048577}", true},
    {SUCCESS, "a reply in pieces",
     "\"fault\":{\"slow\":{\"bytes\":16,\"every\":\"1ms\"}}", false},
    {SUCCESS, "a reply that comes twice", "\"fault\":\"duplicate\"", false},
};

/* A reply of bytes is taken as far as libpilot needs it; a port of one byte is
 * taken for one of two. */
static const char *bytes_outcome(const struct call *call, enum branch branch)
{
    if (strncmp(call->export, "PilotDial", 9) != 0 || branch == NOT_JSON)
        return call->good;
    return "{\"error\":\"invalid dial response\"}";
}

static void expected(const struct call *call, const struct fault *fault,
                     char *pattern, size_t size)
{
    const char *words = call->words, *colon = *words ? ": " : "";

    if (call->answer == NO_WAIT || call->answer == NO_REPLY) {
        snprintf(pattern, size, "%s", call->good);
        return;
    }
    if (call->answer == BYTES &&
        (fault->branch == NOT_JSON || fault->branch == EMPTY_REPLY ||
         fault->branch == SHORT_REPLY)) {
        snprintf(pattern, size, "%s", bytes_outcome(call, fault->branch));
        return;
    }
    switch (fault->branch) {
    case SUCCESS:
        snprintf(pattern, size, "%s", call->good);
        break;
    case ERROR_REPLY:
        snprintf(pattern, size, "{\"error\":\"%s%sdaemon: not today\"}", words,
                 colon);
        break;
    case NOT_JSON:
        snprintf(pattern, size,
                 "{\"error\":\"%s unmarshal: invalid character 'o' in literal "
                 "null (expecting 'u')\"}",
                 words);
        break;
    case EMPTY_REPLY:
        snprintf(pattern, size,
                 "{\"error\":\"%s unmarshal: unexpected end of JSON input\"}",
                 words);
        break;
    case SHORT_REPLY:
        snprintf(pattern, size,
                 "{\"error\":\"%s unmarshal: invalid character '\\\\x00' "
                 "looking for beginning of value\"}",
                 words);
        break;
    case CLOSED_AFTER: /* which of the two libpilot sees first is a race */
        snprintf(pattern, size, "%s||" GONE("%s%s"), call->good, words, colon);
        break;
    default:
        snprintf(pattern, size, GONE("%s%s"), words, colon);
    }
}

/* A connection that was hung up stays so, any other goes on. An error for which
 * nobody waits may be taken for the answer to the next call. */
static void check_after(const struct call *call, const struct fault *fault,
                        uint64_t driver)
{
    const char *pattern = "{*\"status\":\"ok\"*}";

    if (fault->hangs_up)
        pattern = "{\"error\":\"*daemon disconnected\"}||"
                  "{\"error\":\"*broken pipe\"}||{\"error\":\"*reset by "
                  "peer\"}||{\"error\":\"*closed network connection\"}";
    else if (call->answer == NO_WAIT && fault->branch == ERROR_REPLY)
        pattern = "{*\"status\":\"ok\"*}||"
                  "{\"error\":\"health: daemon: not today\"}";
    check_reply(call->export, fault->branch, "the connection afterwards",
                PilotHealth(driver), pattern);
}

/* What nobody would expect, once it has been seen. */
static void note(const struct call *call, const struct fault *fault)
{
    if (fault->branch == ERROR_REPLY && call->answer == NO_WAIT)
        exports_finding(call->export, "an error reply",
                        "nobody waits for it: the call succeeds, and the next "
                        "one may get the error");
    if (fault->branch == SHORT_REPLY &&
        strcmp(call->export, "PilotListen") == 0)
        exports_finding(call->export, "a bind reply of one byte",
                        "it is taken for one of two");
}

static void one_fault(const struct call *call, const struct fault *fault)
{
    uint64_t driver, handle;
    char pattern[600];

    if (!call_prepare(call, &driver, &handle))
        return;
    expected(call, fault, pattern, sizeof pattern);
    if (rule_set(call->on, fault->how)) {
        if (call_check(call, fault->branch, fault->what, handle, pattern))
            note(call, fault);
        if (strcmp(call->on, "health") == 0)
            rule_lift();
        check_after(call, fault, driver);
        if (strcmp(call->on, "health") != 0)
            rule_lift();
    }
    FreeString(PilotClose(driver));
}

/* A daemon that hangs up on whoever comes: connecting itself asks nothing. */
static void arrivals(void)
{
    const struct call *call = call_named("PilotConnect");
    struct PilotConnect_return r;

    if (rule_set("connect", "\"fault\":\"refuse\"")) {
        call_check(call, CLOSED_BEFORE, "", 0, "a handle");
        r = PilotConnect((char *)(uintptr_t)calls_socket());
        check_handle("PilotConnect", "by a daemon that hangs up", r.r0, r.r1);
        check_reply("PilotConnect", CLOSED_BEFORE, "the first call after it",
                    PilotHealth(r.r0),
                    "{\"error\":\"*daemon disconnected\"}||"
                    "{\"error\":\"*broken pipe\"}");
        FreeString(PilotClose(r.r0));
        rule_lift();
    }
    if (rule_set("connect", "\"fault\":{\"stall\":\"1m\"}")) {
        call_check(call, SILENCE, "a daemon that reads nothing", 0,
                   "a handle");
        rule_lift();
    }
}

/* What a broadcast is answered with has no payload. */
static bool can_have(const struct call *call, const struct fault *fault)
{
    if (call->answer == PUSHED || call->answer == NO_REQUEST ||
        (call->answer == NO_REPLY && fault->branch == SUCCESS) ||
        exports_aborts(call->export, fault->branch))
        return false;
    if (strcmp(call->export, "PilotBroadcast") == 0 &&
        strcmp(fault->what, "in its payload") == 0)
        return false;
    return exports_why_not(call->export, fault->branch) == 0;
}

void faults_run(void)
{
    for (size_t i = 0; i < call_count; i++)
        for (size_t k = 0; k < sizeof faults / sizeof *faults; k++)
            if (can_have(&calls[i], &faults[k]))
                one_fault(&calls[i], &faults[k]);
    arrivals();
}
