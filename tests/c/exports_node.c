/* The node itself: its name, its tags, who sees it, its key, its webhook. */
#include <libpilot.h>
#include <stdio.h>
#include <string.h>

#include "exports.h"

#define REGISTRY_HOSTNAME                                                      \
    "{\"error\":\"set_hostname: daemon: set_hostname: registry: invalid "      \
    "hostname: hostname "

static void hostname(uint64_t driver)
{
    check_reply("PilotSetHostname", SUCCESS, "a name",
                PilotSetHostname(driver, "unit"),
                "{\"hostname\":\"unit\",\"node_id\":" NODE
                ",\"type\":\"set_hostname_ok\"}");
    check_reply("PilotInfo", SUCCESS, "shows the name that was set",
                PilotInfo(driver), "{*,\"hostname\":\"unit\",*}");
    check_reply("PilotResolveHostname", SUCCESS, "the own name",
                PilotResolveHostname(driver, "unit"),
                "{\"address\":\"" ADDRESS "\",\"hostname\":\"unit\","
                "\"node_id\":" NODE ",\"public\":*,"
                "\"type\":\"resolve_hostname_ok\"}");
    check_reply("PilotSetHostname", SUCCESS, "none",
                PilotSetHostname(driver, ""),
                "{\"hostname\":\"\",\"node_id\":" NODE
                ",\"type\":\"set_hostname_ok\"}");
    check_reply("PilotSetHostname", BAD_ARGUMENT, "capitals and a space",
                PilotSetHostname(driver, "BAD NAME"),
                REGISTRY_HOSTNAME "must be lowercase alphanumeric with "
                "hyphens, start/end with alphanumeric\"}");
    check_reply("PilotSetHostname", BAD_ARGUMENT, "a reserved name",
                PilotSetHostname(driver, "localhost"),
                REGISTRY_HOSTNAME "\\\"localhost\\\" is reserved\"}");
    check_reply("PilotSetHostname", BAD_ARGUMENT, "64 characters",
                PilotSetHostname(driver, "0123456789012345678901234567890123456"
                                         "789012345678901234567890123"),
                REGISTRY_HOSTNAME "too long (max 63 chars)\"}");
    check_reply("PilotSetHostname", SUCCESS, "back",
                PilotSetHostname(driver, "mock-daemon"),
                "{\"hostname\":\"mock-daemon\",*}");
}

static void resolving(uint64_t driver)
{
    char *first = PilotResolveHostname(driver, "alice");
    char *second = PilotResolveHostname(driver, "alice");

    check_text("PilotResolveHostname", SUCCESS, "same name, same node",
               first != NULL && second != NULL ? second : "no reply",
               first != NULL ? first : "a reply");
    FreeString(second);
    check_reply("PilotResolveHostname", SUCCESS, "a peer", first,
                "{\"address\":\"0:0000.*.*\",\"hostname\":\"alice\","
                "\"node_id\":*,\"public\":true,"
                "\"type\":\"resolve_hostname_ok\"}");
    check_reply("PilotResolveHostname", BAD_ARGUMENT, "no name",
                PilotResolveHostname(driver, ""),
                "{\"error\":\"resolve_hostname: daemon: resolve_hostname: "
                "missing hostname\"}");
    check_reply("PilotResolveHostname", BAD_ARGUMENT, "a null pointer",
                PilotResolveHostname(driver, NULL),
                "{\"error\":\"resolve_hostname: daemon: resolve_hostname: "
                "missing hostname\"}");
    check_reply("PilotResolveHostname", BAD_ARGUMENT, "capitals and a space",
                PilotResolveHostname(driver, "BAD NAME"),
                "{\"error\":\"resolve_hostname: daemon: resolve_hostname: "
                "registry: hostname \\\"BAD NAME\\\" not found\"}");
}

static void tags(uint64_t driver)
{
    check_reply("PilotSetTags", SUCCESS, "two",
                PilotSetTags(driver, "[\"a\",\"#b\"]"),
                "{\"node_id\":" NODE ",\"tags\":[\"a\",\"b\"],"
                "\"type\":\"set_tags_ok\"}");
    check_reply("PilotSetTags", SUCCESS, "none", PilotSetTags(driver, "[]"),
                "{\"node_id\":" NODE ",\"tags\":null,"
                "\"type\":\"set_tags_ok\"}");
    check_reply("PilotSetTags", BAD_ARGUMENT, "too many",
                PilotSetTags(driver, "[\"a\",\"b\",\"c\",\"d\"]"),
                "{\"error\":\"set_tags: daemon: set_tags: maximum 3 tags "
                "allowed\"}");
    check_reply("PilotSetTags", BAD_ARGUMENT, "a capital",
                PilotSetTags(driver, "[\"A\"]"),
                "{\"error\":\"set_tags: daemon: set_tags: registry: tag "
                "\\\"A\\\" must be lowercase alphanumeric with hyphens\"}");
    check_reply("PilotSetTags", BAD_ARGUMENT, "not JSON",
                PilotSetTags(driver, "{"),
                "{\"error\":\"invalid tags JSON: unexpected end of JSON "
                "input\"}");
    check_reply("PilotSetTags", BAD_ARGUMENT, "a null pointer",
                PilotSetTags(driver, NULL),
                "{\"error\":\"invalid tags JSON: unexpected end of JSON "
                "input\"}");
    check_reply("PilotSetTags", BAD_ARGUMENT, "an object",
                PilotSetTags(driver, "{\"a\":1}"),
                "{\"error\":\"invalid tags JSON: json: cannot unmarshal object "
                "into Go value of type []string\"}");
    check_reply("PilotSetTags", BAD_ARGUMENT, "a number among them",
                PilotSetTags(driver, "[1]"),
                "{\"error\":\"invalid tags JSON: json: cannot unmarshal number "
                "into Go value of type string\"}");
}

static void webhook(uint64_t driver)
{
    check_reply("PilotSetWebhook", SUCCESS, "a URL",
                PilotSetWebhook(driver, "http://127.0.0.1:9/h"),
                "{\"webhook\":\"http://127.0.0.1:9/h\"}");
    check_reply("PilotSetWebhook", SUCCESS, "none", PilotSetWebhook(driver, ""),
                "{\"webhook\":\"\"}");
    check_reply("PilotSetWebhook", BAD_ARGUMENT, "another scheme",
                PilotSetWebhook(driver, "ftp://x"),
                "{\"error\":\"set_webhook: daemon: URL must use http or https "
                "scheme, got \\\"ftp\\\"\"}");
    check_reply("PilotSetWebhook", BAD_ARGUMENT, "no URL",
                PilotSetWebhook(driver, "::::"),
                "{\"error\":\"set_webhook: daemon: invalid URL: parse "
                "\\\"::::\\\": missing protocol scheme\"}");
    check_reply("PilotSetWebhook", BAD_ARGUMENT, "no host",
                PilotSetWebhook(driver, "http://"),
                "{\"error\":\"set_webhook: daemon: URL must have a host\"}");
    check_reply("PilotSetWebhook", BAD_ARGUMENT, "a link-local address",
                PilotSetWebhook(driver, "http://169.254.169.254/"),
                "{\"error\":\"set_webhook: daemon: URL cannot target "
                "link-local address 169.254.169.254\"}");
}

/* The public key of a reply, or "" when it has none. */
static void public_key(const char *reply, char *key, size_t length)
{
    static const char before[] = "\"public_key\":\"";
    const char *start = reply ? strstr(reply, before) : NULL;

    *key = '\0';
    if (start != NULL)
        snprintf(key, length, "%.44s", start + sizeof before - 1);
}

static void rotation(uint64_t driver)
{
    char old[64], fresh[64], info[128];
    char *reply = PilotInfo(driver);

    public_key(reply, old, sizeof old);
    FreeString(reply);
    reply = PilotRotateKey(driver);
    public_key(reply, fresh, sizeof fresh);
    check_reply("PilotRotateKey", SUCCESS, "", reply,
                "{\"address\":\"" ADDRESS "\",\"node_id\":" NODE
                ",\"public_key\":\"*=\",\"type\":\"rotate_key_ok\"}");
    check_text("PilotRotateKey", SUCCESS, "the key is another one",
               strcmp(old, fresh) != 0 ? "another one" : fresh, "another one");
    snprintf(info, sizeof info, "{*,\"public_key\":\"%s\",*}", fresh);
    check_reply("PilotInfo", SUCCESS, "shows the new key", PilotInfo(driver),
                info);
}

void node_run(uint64_t driver)
{
    hostname(driver);
    resolving(driver);
    tags(driver);
    webhook(driver);
    rotation(driver);
    check_reply("PilotSetVisibility", SUCCESS, "public",
                PilotSetVisibility(driver, 1),
                "{\"node_id\":" NODE ",\"type\":\"set_visibility_ok\","
                "\"visibility\":\"public\"}");
    check_reply("PilotSetVisibility", SUCCESS, "private",
                PilotSetVisibility(driver, 0),
                "{\"node_id\":" NODE ",\"type\":\"set_visibility_ok\","
                "\"visibility\":\"private\"}");
    /* Any other number than 0 is taken for true. */
    check_reply("PilotSetVisibility", BAD_ARGUMENT, "a number below 0",
                PilotSetVisibility(driver, -1),
                "{\"node_id\":" NODE ",\"type\":\"set_visibility_ok\","
                "\"visibility\":\"public\"}");
}

/* Leaves the daemon without a node in the registry, so comes last. */
void deregister_run(uint64_t driver)
{
    check_reply("PilotDeregister", SUCCESS, "", PilotDeregister(driver),
                "{\"type\":\"deregister_ok\"}");
    check_reply("PilotDeregister", SUCCESS, "again", PilotDeregister(driver),
                "{\"type\":\"deregister_ok\"}");
    check_reply("PilotInfo", SUCCESS, "is the same after it",
                PilotInfo(driver),
                "{*,\"hostname\":\"mock-daemon\",*,\"node_id\":" NODE ",*}");
}
