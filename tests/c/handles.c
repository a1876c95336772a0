/* Handles that will not do: unknown ones, ones of another kind, and those that
 * were good until the daemon ended. */
#include <libpilot.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "exports.h"

/* No handle of this number is ever given out. */
#define UNKNOWN 999999

static const char *const kinds[] = {"", "Driver", "Listener", "Conn"};
static const char *const unknown[] = {
    "",
    "{\"error\":\"invalid driver handle\"}",
    "{\"error\":\"invalid listener handle\"}",
    "{\"error\":\"invalid conn handle\"}",
};

static bool is(const struct call *call, const char *export)
{
    return strcmp(call->export, export) == 0;
}

static void wrong_kinds(const struct call *call, const uint64_t handles[])
{
    char pattern[60];

    snprintf(pattern, sizeof pattern, "{\"error\":\"handle is not a %s\"}",
             kinds[call->takes]);
    for (enum kind kind = DRIVER; kind <= CONN; kind++)
        if (kind != call->takes)
            call_check(call, (enum branch)(DRIVER_HANDLE + (kind - DRIVER)), "",
                       handles[kind], pattern);
}

/* It closes whatever it is given. */
static void closed_by_mistake(void)
{
    const struct call *call = call_named("PilotConnClose");
    uint64_t driver = handle_of(DRIVER, 0);

    call_check(call, LISTENER_HANDLE, "it is closed",
               handle_of(LISTENER, driver), "null");
    if (call_check(call, DRIVER_HANDLE, "it is closed", driver, "null") &&
        call_check(call_named("PilotHealth"), UNKNOWN_HANDLE,
                   "after PilotConnClose", driver, unknown[DRIVER]))
        exports_finding("PilotConnClose", "the handle of a driver or listener",
                        "it closes it and reports no error");
}

void handles_run(void)
{
    uint64_t handles[CONN + 1] = {0};

    handles[DRIVER] = handle_of(DRIVER, 0);
    handles[LISTENER] = handle_of(LISTENER, handles[DRIVER]);
    handles[CONN] = handle_of(CONN, handles[DRIVER]);
    for (size_t i = 0; i < call_count; i++) {
        const struct call *call = &calls[i];

        if (call->takes == NO_HANDLE)
            continue;
        call_check(call, UNKNOWN_HANDLE, "", UNKNOWN,
                   is(call, "PilotClose") ? "{\"error\":\"invalid handle\"}"
                                          : unknown[call->takes]);
        if (!is(call, "PilotConnClose"))
            wrong_kinds(call, handles);
    }
    closed_by_mistake();
    /* None of the others was used up by that. */
    call_check(call_named("PilotConnWrite"), SUCCESS, "after wrong calls",
               handles[CONN], "1 bytes");
    call_check(call_named("PilotConnRead"), SUCCESS, "after wrong calls",
               handles[CONN], "1 bytes");
    call_check(call_named("PilotConnClose"), SUCCESS, "after wrong calls",
               handles[CONN], "null");
    call_check(call_named("PilotListenerClose"), SUCCESS, "after wrong calls",
               handles[LISTENER], "null");
    call_check(call_named("PilotClose"), SUCCESS, "after wrong calls",
               handles[DRIVER], "null");
}

/* What a call comes to on a driver whose daemon is gone. Whether it writes
 * before or after libpilot noticed is a race. */
static const char *gone(const struct call *call)
{
    if (is(call, "PilotConnRead"))
        return "{\"error\":\"EOF\"}";
    if (is(call, "PilotListenerAccept"))
        return "{\"error\":\"listener closed\"}";
    if (is(call, "PilotConnect"))
        return "{\"error\":\"connect to daemon: dial unix *: connect: no such "
               "file or directory\"}";
    if (call->answer == NO_REQUEST)
        return "null";
    return "{\"error\":\"*daemon disconnected\"}||"
           "{\"error\":\"*broken pipe\"}||"
           "{\"error\":\"*use of closed network connection\"}";
}

void gone_run(void (*end)(void))
{
    uint64_t handles[64][2];

    for (size_t i = 0; i < call_count; i++)
        if (!call_prepare(&calls[i], &handles[i][0], &handles[i][1]))
            return;
    end();
    for (size_t i = 0; i < call_count; i++) {
        /* RecvFrom never comes back: silence.c */
        if (!is(&calls[i], "PilotRecvFrom"))
            call_check(&calls[i], DAEMON_GONE, "", handles[i][1],
                       gone(&calls[i]));
        if (!is(&calls[i], "PilotClose"))
            FreeString(PilotClose(handles[i][0]));
    }
}
