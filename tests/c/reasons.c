/* Why some branches have nobody who could reach them, shown with the daemon:
 * calls that send nothing, and requests that are never answered. */
#include <libpilot.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "control.h"
#include "daemon.h"
#include "exports.h"
#include "faults.h"

/* Something for those that wait for it. */
static bool feed(const struct call *call)
{
    static const char from[] = PEER_ADDRESS ":99";

    if (call->takes == DRIVER)
        return control("push", "{\"push\":{\"recv_from\":{\"from\":\"%s\","
                               "\"to_port\":1,\"data\":\"x\"}}}", from);
    if (call->takes == LISTENER)
        return control("push", "{\"push\":{\"accept\":{\"port\":%u,"
                               "\"from\":\"%s\"}}}", calls_last_port(), from);
    return control("push", "{\"push\":{\"recv\":{\"conn\":\"last\","
                           "\"data\":\"x\"},\"to\":\"all\"}}");
}

/* Of the call and one of PilotHealth after it on each of two drivers, the
 * daemon saw only the latter, and after PilotClose one of them. */
static void sends_nothing(const struct call *call)
{
    uint64_t driver, handle, other = handle_of(DRIVER, 0);
    char rules[2000] = "no rules";

    if (!call_prepare(call, &driver, &handle))
        return;
    FreeString(PilotHealth(driver)); /* the daemon knows the client */
    if ((call->answer == PUSHED && !feed(call)) ||
        !rule_set("*", "\"state\":\"start\""))
        return;
    call_check(call, OTHER, "on its own", handle, call->good);
    FreeString(PilotHealth(driver));
    FreeString(PilotHealth(other));
    daemon_ask("rules", "{}", rules, sizeof rules);
    check_text(call->export, OTHER, "sends nothing", rules,
               strcmp(call->export, "PilotClose") == 0
                   ? "{*\"matched\":1,*}"
                   : "{*\"matched\":2,*}");
    rule_lift();
    FreeString(PilotClose(driver));
    FreeString(PilotClose(other));
}

static void never_answered(const struct call *call)
{
    static const char *const hows[] = {"\"error\":\"x\"",
                                       "\"payload\":\"x\"",
                                       "\"fault\":{\"truncate\":4}",
                                       "\"fault\":{\"length\":1048577}",
                                       "\"fault\":{\"command\":127}"};
    char json[200];

    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++) {
        const char *refusal;

        snprintf(json, sizeof json, "{\"rule\":{\"on\":\"%s\",%s}}", call->on,
                 hows[i]);
        refusal = daemon_ask("rule_add", json, NULL, 0);
        check_text(call->export, OTHER, "such a rule is refused",
                   refusal ? refusal : "it is not",
                   "*never answered*||*expected no_reply, close or stall*");
    }
}

void reasons_run(void)
{
    for (size_t i = 0; i < call_count; i++) {
        const struct call *call = &calls[i];

        if (call->answer == NO_REPLY)
            never_answered(call);
        else if (call->takes != NO_HANDLE &&
                 (call->answer == NO_REQUEST || call->answer == PUSHED))
            sends_nothing(call);
    }
}
