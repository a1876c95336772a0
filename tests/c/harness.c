/*
 * Drives libpilot, the C ABI of Pilot Protocol, against mockpilot: every
 * export, on its success branch and on every error branch that a caller can
 * reach, in a network namespace and a HOME of its own.
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

#include "calls.h"
#include "check.h"
#include "child.h"
#include "coverage.h"
#include "daemon.h"
#include "exports.h"
#include "faults.h"
#include "namespace.h"

#ifndef LIBPILOT_H
#define LIBPILOT_H "target/libpilot/1.18.0/libpilot.h"
#endif

/* A call that takes longer than this many seconds never comes back. */
#define PATIENCE 30

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

/* Nothing is driven where the run would not be alone. */
static bool prepared(const char *error)
{
    if (error != NULL)
        check_failed("namespace", "one of the run's own, and a HOME", error);
    return error == NULL;
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

static void end_daemon(void)
{
    check_ending(daemon_stop(), "under its clients");
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

    if (!started("lenient", daemon_start(binary, "lenient", NULL)))
        return false;
    calls_use(daemon_socket());
    driver = connect_driver("", daemon_socket());
    session_run(daemon_socket());
    other = connect_driver("a second client", daemon_socket());
    handles_run();
    node_run(driver);
    trust_run(driver);
    networks_run(driver);
    managed_run(driver);
    streams_run(driver);
    joined_run(driver, other);
    datagrams_run(driver, other);
    limits_run(driver);
    deregister_run(driver);
    close_driver(other, SUCCESS);
    close_driver(driver, SUCCESS);
    gone_run(end_daemon);
    return true;
}

/* One daemon for all that it can be told to do wrong. */
static bool faulty(const char *binary)
{
    if (!started("faulty", daemon_start(binary, "lenient", NULL)))
        return false;
    calls_use(daemon_socket());
    faults_run();
    reasons_run();
    silence_run();
    aborts_run();
    check_ending(daemon_stop(), "faulty");
    return true;
}

static bool unasked(const char *binary)
{
    if (!started("unasked", daemon_start(binary, "lenient", unasked_scenario)))
        return false;
    calls_use(daemon_socket());
    unasked_run();
    check_ending(daemon_stop(), "unasked");
    return true;
}

static bool faithful(const char *binary)
{
    uint64_t driver;

    if (!started("faithful", daemon_start(binary, "faithful", NULL)))
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

    if (argc > 1 && strcmp(argv[1], "--child") == 0)
        return child_main(argc - 1, argv + 1);
    if (argc > 2) {
        fprintf(stderr, "usage: %s [MOCKPILOT]\n", argv[0]);
        return 2;
    }
    if (argc == 2)
        binary = argv[1];
    if (binary == NULL || *binary == '\0')
        binary = "target/debug/mockpilot";
    check_watch(PATIENCE);
    children_are(argv[0]);
    if (!prepared(namespace_enter(argv)) || !prepared(namespace_home()))
        return check_summary();

    if (plain(binary) && lenient(binary) && faulty(binary) &&
        unasked(binary) && faithful(binary)) {
        embedded_run();
        exports_check(header != NULL && *header != '\0' ? header : LIBPILOT_H);
        exports_print();
    }
    if (coverage_flush())
        printf("libpilot's coverage counters are in %s\n",
               getenv("GOCOVERDIR"));
    return check_summary();
}
