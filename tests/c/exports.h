/*
 * The table of exports and branches: which branches each export of libpilot.h
 * has, which of them ran, and whether the header has exports that the table
 * does not know.
 */
#ifndef HARNESS_EXPORTS_H
#define HARNESS_EXPORTS_H

#include <stdbool.h>

#include "check.h"

/* Notes that a check of a branch ran. */
void exports_record(const char *export, enum branch branch, bool good);

/* Checks the table against the header: every export of it has a row, and every
 * branch of a row was run. To be called when all else is done. */
void exports_check(const char *header_path);

/* Prints the table. */
void exports_print(void);

/* Groups of checks, each a file. `run` takes a driver of its own group's
 * needs; `refused` calls every export of the group that takes such a handle
 * with one that will not do. The daemon is in the lenient profile. */
void session_run(const char *socket_path);
void session_refused(uint64_t driver, enum branch branch, const char *pattern);
void node_run(uint64_t driver);
void node_refused(uint64_t driver, enum branch branch, const char *pattern);
void deregister_run(uint64_t driver);
void trust_run(uint64_t driver);
void trust_refused(uint64_t driver, enum branch branch, const char *pattern);
void networks_run(uint64_t driver);
void networks_refused(uint64_t driver, enum branch branch, const char *pattern);
void managed_run(uint64_t driver);
void managed_refused(uint64_t driver, enum branch branch, const char *pattern);
void streams_run(uint64_t driver);
void streams_refused(uint64_t driver, enum branch branch, const char *pattern);
void conn_refused(uint64_t conn, enum branch branch, const char *pattern);
void joined_run(uint64_t driver, uint64_t other);
void listener_refused(uint64_t listener, enum branch branch,
                      const char *pattern);
void datagrams_run(uint64_t driver, uint64_t other);
void datagrams_refused(uint64_t driver, enum branch branch,
                       const char *pattern);

/* What only the faithful profile refuses. */
void faithful_run(uint64_t driver, uint64_t other);

/* The node of a daemon without a scenario. */
#define NODE "305419896"
#define NODE_ID 0x12345678u
#define ADDRESS "0:0000.1234.5678"
/* A peer; in the lenient profile any node is one. */
#define PEER_ID 9u
#define PEER_ADDRESS "0:0000.0000.0009"

#endif
