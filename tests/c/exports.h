/*
 * The table of exports and branches: which branches each export of libpilot.h
 * has and why it has no others, which of them ran, and whether the header has
 * exports that the table does not know.
 */
#ifndef HARNESS_EXPORTS_H
#define HARNESS_EXPORTS_H

#include <stdbool.h>

#include "check.h"

/* Notes that a check of a branch ran. */
void exports_record(const char *export, enum branch branch, bool good);

/* Why no caller can reach a branch, as a number of the legend; 0 when one
 * can. */
unsigned exports_why_not(const char *export, enum branch branch);

/* Whether the branch ends the process of the caller. */
bool exports_aborts(const char *export, enum branch branch);

/* Notes what the checks found out about libpilot. */
void exports_finding(const char *export, const char *input, const char *effect);

/* Checks the table against the header: every export of it has a row, and every
 * branch of a row was run. To be called when all else is done. */
void exports_check(const char *header_path);

/* Prints the table with its legend, and the findings. */
void exports_print(void);

/* Groups of checks, each a file, on a daemon in the lenient profile. */
void session_run(const char *socket_path);
void node_run(uint64_t driver);
void deregister_run(uint64_t driver);
void trust_run(uint64_t driver);
void networks_run(uint64_t driver);
void managed_run(uint64_t driver);
void streams_run(uint64_t driver);
void joined_run(uint64_t driver, uint64_t other);
void datagrams_run(uint64_t driver, uint64_t other);
void limits_run(uint64_t driver);

/* Handles that will not do, and all calls when the daemon is gone; the latter
 * ends it by `end`. */
void handles_run(void);
void gone_run(void (*end)(void));

/* What the daemon does of its own accord, on one with `unasked_scenario`. */
extern const char unasked_scenario[];
void unasked_run(void);

/* A daemon inside the process: what of it needs no registry. */
void embedded_run(void);

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
