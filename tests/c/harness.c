/*
 * Drives libpilot, the C ABI of Pilot Protocol, against mockpilot: every
 * export, on its success branch and on every error branch that a caller can
 * reach.
 *
 *     harness [MOCKPILOT]
 *
 * MOCKPILOT is the daemon's program: else $MOCKPILOT, else
 * target/debug/mockpilot. $LIBPILOT_H is the header that the table of exports
 * is held against: else the one that this program was compiled with.
 *
 * Prints a line PASS or FAIL for each check, the table, and at last
 * "N passed, M failed"; the exit status is 1 when a check failed.
 */
#include <libpilot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "daemon.h"
#include "exports.h"

#ifndef LIBPILOT_H
#define LIBPILOT_H "target/libpilot/1.18.0/libpilot.h"
#endif

/* Only a library that was built to be measured has it: see flush_coverage.go. */
extern void PilotFlushCoverage(void) __attribute__((weak));

/* No handle of this number is ever given out. */
#define UNKNOWN 999999
/* A call that takes longer than this many seconds never comes back. */
#define PATIENCE 30

static const char no_driver[] = "{\"error\":\"invalid driver handle\"}";
static const char no_conn[] = "{\"error\":\"invalid conn handle\"}";
static const char no_listener[] = "{\"error\":\"invalid listener handle\"}";
/* Whether the call writes before or after libpilot noticed is a race. */
static const char gone[] = "{\"error\":\"*daemon disconnected\"}||"
                           "{\"error\":\"*broken pipe\"}||"
                           "{\"error\":\"*use of closed network connection\"}";

static uint64_t connect_driver(const char *what, const char *socket)
{
    char path[300];
    struct PilotConnect_return r;

    snprintf(path, sizeof path, "%s", socket);
    r = PilotConnect(path);
    return check_handle("PilotConnect", what, r.r0, r.r1);
}

/* Without a daemon there is no use in a line for each row. */
static bool started(const char *how, const char *error)
{
    char name[40];

    if (error == NULL)
        return true;
    snprintf(name, sizeof name, "daemon: %s", how);
    check_failed(name, "a daemon with a socket", error);
    return false;
}

static void check_ending(struct ending ending, const char *how)
{
    check_number("daemon: exit status", OTHER, how, ending.status, 0);
    check_text("daemon: the socket is gone", OTHER, how,
               ending.socket_gone ? "yes" : "no", "yes");
}

static void close_driver(uint64_t driver, enum branch branch)
{
    check_reply("PilotClose", branch, "", PilotClose(driver), NULL);
}

static void unknown_handles(void)
{
    session_refused(UNKNOWN, UNKNOWN_HANDLE, no_driver);
    node_refused(UNKNOWN, UNKNOWN_HANDLE, no_driver);
    trust_refused(UNKNOWN, UNKNOWN_HANDLE, no_driver);
    networks_refused(UNKNOWN, UNKNOWN_HANDLE, no_driver);
    managed_refused(UNKNOWN, UNKNOWN_HANDLE, no_driver);
    streams_refused(UNKNOWN, UNKNOWN_HANDLE, no_driver);
    datagrams_refused(UNKNOWN, UNKNOWN_HANDLE, no_driver);
    conn_refused(UNKNOWN, UNKNOWN_HANDLE, no_conn);
    listener_refused(UNKNOWN, UNKNOWN_HANDLE, no_listener);
}

/* The daemon ends while a driver, a stream and a listener are open. */
static void end_under(uint64_t driver)
{
    struct PilotDial_return dialled = PilotDial(driver, PEER_ADDRESS ":7");
    struct PilotListen_return bound = PilotListen(driver, 5001);
    char path[300];
    struct PilotConnect_return r;

    check_handle("PilotDial", "before the end", dialled.r0, dialled.r1);
    check_handle("PilotListen", "before the end", bound.r0, bound.r1);
    snprintf(path, sizeof path, "%s", daemon_socket());
    check_ending(daemon_stop(), "under a driver");

    session_refused(driver, DAEMON_GONE, gone);
    node_refused(driver, DAEMON_GONE, gone);
    trust_refused(driver, DAEMON_GONE, gone);
    networks_refused(driver, DAEMON_GONE, gone);
    managed_refused(driver, DAEMON_GONE, gone);
    streams_refused(driver, DAEMON_GONE, gone);
    datagrams_refused(driver, DAEMON_GONE, gone);
    conn_refused(dialled.r0, DAEMON_GONE, gone);
    listener_refused(bound.r0, DAEMON_GONE,
                     "{\"error\":\"listener closed\"}");
    check_reply("PilotConnClose", DAEMON_GONE, "", PilotConnClose(dialled.r0),
                gone);
    close_driver(driver, DAEMON_GONE);
    r = PilotConnect(path);
    check_no_handle("PilotConnect", DAEMON_GONE, "", r.r0, r.r1,
                    "{\"error\":\"connect to daemon: dial unix *: connect: no "
                    "such file or directory\"}");
}

/* Without mockpilot.h: fork, exec, stat, connect once, SIGTERM. */
static bool plain(const char *binary)
{
    uint64_t driver;

    if (!started("the plain way", plain_start(binary)))
        return false;
    driver = connect_driver("as soon as the socket is there", plain_socket());
    check_reply("PilotHealth", SUCCESS, "the plain way", PilotHealth(driver),
                "{*\"status\":\"ok\"*}");
    close_driver(driver, SUCCESS);
    check_ending(plain_stop(), "the plain way");
    return true;
}

static bool lenient(const char *binary)
{
    uint64_t driver, other;

    if (!started("lenient", daemon_start(binary, "lenient")))
        return false;
    driver = connect_driver("", daemon_socket());
    session_run(daemon_socket());
    other = connect_driver("a second client", daemon_socket());
    unknown_handles();
    conn_refused(driver, WRONG_HANDLE, "{\"error\":\"handle is not a Conn\"}");
    listener_refused(driver, WRONG_HANDLE,
                     "{\"error\":\"handle is not a Listener\"}");
    node_run(driver);
    trust_run(driver);
    networks_run(driver);
    managed_run(driver);
    streams_run(driver);
    joined_run(driver, other);
    datagrams_run(driver, other);
    deregister_run(driver);
    close_driver(other, SUCCESS);
    end_under(driver);
    return true;
}

static bool faithful(const char *binary)
{
    uint64_t driver;

    if (!started("faithful", daemon_start(binary, "faithful")))
        return false;
    driver = connect_driver("faithful", daemon_socket());
    /* It closes the second client itself. */
    faithful_run(driver,
                 connect_driver("a second client, faithful", daemon_socket()));
    close_driver(driver, SUCCESS);
    check_ending(daemon_stop(), "faithful");
    return true;
}

int main(int argc, char **argv)
{
    const char *binary = getenv("MOCKPILOT"), *header = getenv("LIBPILOT_H");

    if (argc > 2) {
        fprintf(stderr, "usage: %s [MOCKPILOT]\n", argv[0]);
        return 2;
    }
    if (argc == 2)
        binary = argv[1];
    if (binary == NULL || *binary == '\0')
        binary = "target/debug/mockpilot";
    check_watch(PATIENCE);

    if (plain(binary) && lenient(binary) && faithful(binary)) {
        exports_check(header != NULL && *header != '\0' ? header : LIBPILOT_H);
        exports_print();
    }
    if (PilotFlushCoverage != NULL)
        PilotFlushCoverage();
    return check_summary();
}
