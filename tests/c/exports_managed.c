/* Managed networks: their engine and its policy. */
#include <libpilot.h>

#include "exports.h"

/* Two rules with keys in no particular order: the policy keeps its text. */
#define POLICY                                                                 \
    "{\"version\":1,\"rules\":[{\"name\":\"r\",\"on\":\"connect\","            \
    "\"match\":\"true\",\"actions\":[{\"type\":\"allow\"}]}]}"

#define PARSE_ERROR                                                            \
    "{\"error\":\"policy set: daemon: managed policy set: parse policy: "      \
    "policy: "

static void policy(uint64_t driver)
{
    check_reply("PilotPolicyGet", SUCCESS, "none", PilotPolicyGet(driver, 7),
                "{\"engine\":\"none\",\"network_id\":7,"
                "\"type\":\"managed_policy_ok\"}");
    check_reply("PilotPolicySet", SUCCESS, "",
                PilotPolicySet(driver, 7, POLICY, "token"),
                "{\"applied\":true,\"network_id\":7,"
                "\"type\":\"managed_policy_ok\"}");
    /* libpilot decodes the reply, so that the keys of the policy are sorted
     * here; the daemon's own text is the business of the wire tests. */
    check_reply("PilotPolicyGet", SUCCESS, "the one that was set",
                PilotPolicyGet(driver, 7),
                "{\"engine\":\"policy\",\"expr_policy\":{\"rules\":"
                "[{\"actions\":[{\"type\":\"allow\"}],\"match\":\"true\","
                "\"name\":\"r\",\"on\":\"connect\"}],\"version\":1},"
                "\"network_id\":7,\"type\":\"managed_policy_ok\"}");
    check_reply("PilotPolicySet", BAD_ARGUMENT, "not JSON",
                PilotPolicySet(driver, 7, "{", "token"),
                PARSE_ERROR "invalid JSON: unexpected end of JSON input\"}");
    check_reply("PilotPolicySet", BAD_ARGUMENT, "another version",
                PilotPolicySet(driver, 7, "{\"version\":2}", "token"),
                PARSE_ERROR "unsupported version 2 (want 1)\"}");
    check_reply("PilotPolicySet", BAD_ARGUMENT, "no rules",
                PilotPolicySet(driver, 7, "{\"version\":1}", "token"),
                PARSE_ERROR "at least one rule is required\"}");
    check_reply("PilotPolicySet", BAD_ARGUMENT, "an unknown event",
                PilotPolicySet(driver, 7,
                               "{\"version\":1,\"rules\":[{\"name\":\"r1\","
                               "\"on\":\"zzz\",\"match\":\"true\",\"actions\":"
                               "[{\"type\":\"allow\"}]}]}",
                               "token"),
                PARSE_ERROR "rule \\\"r1\\\": unknown event type "
                            "\\\"zzz\\\"\"}");
    check_reply("PilotPolicySet", BAD_ARGUMENT, "no policy",
                PilotPolicySet(driver, 7, "", "token"),
                "{\"error\":\"policy set: daemon: managed policy set: missing "
                "policy JSON\"}");
    check_reply("PilotPolicySet", BAD_ARGUMENT, "a null pointer",
                PilotPolicySet(driver, 7, NULL, "token"),
                "{\"error\":\"policy set: daemon: managed policy set: missing "
                "policy JSON\"}");
    check_reply("PilotPolicyGet", SUCCESS, "still the one that was set",
                PilotPolicyGet(driver, 7),
                "{\"engine\":\"policy\",*\"name\":\"r\",*}");
}

void managed_run(uint64_t driver)
{
    policy(driver);
    check_reply("PilotManagedStatus", SUCCESS, "",
                PilotManagedStatus(driver, 7),
                "{\"cycle_num\":0,\"engine\":\"policy\","
                "\"joined_at\":\"*Z\",\"network_id\":7,\"peers\":*}");
    check_reply("PilotManagedForceCycle", SUCCESS, "",
                PilotManagedForceCycle(driver, 7),
                "{\"cycle_num\":1,\"evicted\":0,\"filled\":*,"
                "\"filled_trust\":*,\"network_id\":7,\"peers\":*,"
                "\"pruned\":*,\"pruned_trust\":*}");
    check_reply("PilotManagedForceCycle", SUCCESS, "cycles are counted",
                PilotManagedForceCycle(driver, 7), "{\"cycle_num\":2,*}");
    check_reply("PilotManagedStatus", SUCCESS, "shows the cycles",
                PilotManagedStatus(driver, 7), "{\"cycle_num\":2,*}");
    check_reply("PilotManagedReconcile", SUCCESS, "",
                PilotManagedReconcile(driver, 7),
                "{\"network_id\":7,\"peers\":*,"
                "\"type\":\"managed_reconcile_ok\"}");
}
