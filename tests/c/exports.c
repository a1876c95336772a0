/* The table of exports and branches: see exports.h. */
#include "exports.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A column of a row; the first two are what the row says beforehand. */
enum cell { UNTRIED, NOT_APPLICABLE, GOOD, FAILED };

struct row {
    const char *name;
    enum cell cells[BRANCHES];
};

#define __ UNTRIED
#define NA NOT_APPLICABLE

/* Columns as in enum branch: success, unknown handle, wrong handle, bad
 * argument, daemon gone. Bad argument is not applicable where every value of
 * every argument will do; a length below 0 or beyond the data never will, but
 * ends the process in the Go runtime. RecvFrom does not notice that the daemon
 * is gone. */
static struct row rows[] = {
    {"FreeString", {__, NA, NA, NA, NA}},
    {"PilotConnect", {__, NA, NA, __, __}},
    {"PilotClose", {__, __, __, NA, __}},
    {"PilotInfo", {__, __, __, NA, __}},
    {"PilotHandshake", {__, __, __, __, __}},
    {"PilotWaitForTrust", {__, __, __, __, __}},
    {"PilotApproveHandshake", {__, __, __, __, __}},
    {"PilotRejectHandshake", {__, __, __, __, __}},
    {"PilotPendingHandshakes", {__, __, __, NA, __}},
    {"PilotTrustedPeers", {__, __, __, NA, __}},
    {"PilotRevokeTrust", {__, __, __, __, __}},
    {"PilotResolveHostname", {__, __, __, __, __}},
    {"PilotSetHostname", {__, __, __, __, __}},
    {"PilotSetVisibility", {__, __, __, __, __}},
    {"PilotDeregister", {__, __, __, NA, __}},
    {"PilotSetTags", {__, __, __, __, __}},
    {"PilotSetWebhook", {__, __, __, __, __}},
    {"PilotDisconnect", {__, __, __, __, __}},
    {"PilotDial", {__, __, __, __, __}},
    {"PilotListen", {__, __, __, __, __}},
    {"PilotListenerAccept", {__, __, __, NA, __}},
    {"PilotListenerClose", {__, __, __, NA, __}},
    {"PilotConnRead", {__, __, __, __, __}},
    {"PilotConnWrite", {__, __, __, __, __}},
    {"PilotConnClose", {__, __, NA, NA, __}},
    {"PilotSendTo", {__, __, __, __, __}},
    {"PilotRecvFrom", {__, __, __, NA, NA}},
    {"PilotHealth", {__, __, __, NA, __}},
    {"PilotRotateKey", {__, __, __, NA, __}},
    {"PilotBroadcast", {__, __, __, __, __}},
    {"PilotDialTimeout", {__, __, __, __, __}},
    {"PilotConnSetReadDeadline", {__, __, __, __, __}},
    {"PilotNetworkList", {__, __, __, NA, __}},
    {"PilotNetworkJoin", {__, __, __, __, __}},
    {"PilotNetworkLeave", {__, __, __, __, __}},
    {"PilotNetworkMembers", {__, __, __, __, __}},
    {"PilotNetworkInvite", {__, __, __, __, __}},
    {"PilotNetworkPollInvites", {__, __, __, NA, __}},
    {"PilotNetworkRespondInvite", {__, __, __, __, __}},
    {"PilotManagedStatus", {__, __, __, __, __}},
    {"PilotManagedForceCycle", {__, __, __, __, __}},
    {"PilotManagedReconcile", {__, __, __, __, __}},
    {"PilotPolicyGet", {__, __, __, NA, __}},
    {"PilotPolicySet", {__, __, __, __, __}},
    {"PilotMemberTagsGet", {__, __, __, __, __}},
    {"PilotMemberTagsSet", {__, __, __, __, __}},
};

#undef __
#undef NA

/* They run a whole daemon inside this process, which dials out. */
static const char *const left_out[] = {
    "PilotEmbeddedStart",
    "PilotEmbeddedStop",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct row *find(const char *name)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static bool is_left_out(const char *name)
{
    for (size_t i = 0; i < COUNT(left_out); i++)
        if (strcmp(left_out[i], name) == 0)
            return true;
    return false;
}

void exports_record(const char *export, enum branch branch, bool good)
{
    struct row *row = find(export);
    enum cell *cell;

    if (row == NULL || branch >= BRANCHES)
        return;
    cell = &row->cells[branch];
    if (!good)
        *cell = FAILED;
    else if (*cell != FAILED)
        *cell = GOOD;
}

/* The name that a line of the header declares: the word before the first
 * parenthesis of an extern declaration. */
static bool declared(const char *line, char *name, size_t length)
{
    const char *end = strchr(line, '('), *start;

    if (strncmp(line, "extern ", 7) != 0 || end == NULL)
        return false;
    for (start = end; start > line; start--)
        if (!isalnum((unsigned char)start[-1]) && start[-1] != '_')
            break;
    if (start == end || *start == '_' || (size_t)(end - start) >= length)
        return false;
    memcpy(name, start, (size_t)(end - start));
    name[end - start] = '\0';
    return true;
}

static void check_header(const char *path)
{
    FILE *header = fopen(path, "r");
    char line[1000], name[100];
    size_t known = 0;

    if (header == NULL) {
        check_failed("exports: header", path, "no such file");
        return;
    }
    while (fgets(line, sizeof line, header) != NULL) {
        if (!declared(line, name, sizeof name) ||
            strcmp(name, "PilotFlushCoverage") == 0)
            continue;
        if (find(name) != NULL || is_left_out(name))
            known++;
        else
            check_failed("exports: header", "exports that are all in the table",
                         name);
    }
    fclose(header);
    check_number("exports: header", OTHER, "exports that the table knows",
                 (long long)known,
                 (long long)(COUNT(rows) + COUNT(left_out)));
}

void exports_check(const char *header_path)
{
    static const char *const columns[BRANCHES] = {
        "a check of success", "a check with an unknown handle",
        "a check with a wrong handle", "a check with a bad argument",
        "a check without the daemon",
    };

    check_header(header_path);
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t branch = 0; branch < BRANCHES; branch++)
            if (rows[i].cells[branch] == UNTRIED)
                check_failed(rows[i].name, columns[branch], "none");
}

void exports_print(void)
{
    static const char *const words[] = {"no", "n.a.", "yes", "FAIL"};

    printf("\n%-26s %-8s %-8s %-8s %-8s %s\n", "export", "success", "unknown",
           "wrong", "bad", "daemon");
    printf("%-26s %-8s %-8s %-8s %-8s %s\n", "", "", "handle", "handle",
           "argument", "gone");
    for (size_t i = 0; i < COUNT(rows); i++) {
        const enum cell *cells = rows[i].cells;

        printf("%-26s %-8s %-8s %-8s %-8s %s\n", rows[i].name,
               words[cells[SUCCESS]], words[cells[UNKNOWN_HANDLE]],
               words[cells[WRONG_HANDLE]], words[cells[BAD_ARGUMENT]],
               words[cells[DAEMON_GONE]]);
    }
    for (size_t i = 0; i < COUNT(left_out); i++)
        printf("%-26s left out: it runs a daemon of its own\n", left_out[i]);
    printf("\n");
}
