/* The table of exports and branches: see exports.h. */
#include "exports.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"

enum cell { UNTRIED, GOOD, FAILED };

/* The exports that no call of calls.h is made of. */
static const char *const others[] = {
    "FreeString",
    "PilotEmbeddedStart",
    "PilotEmbeddedStop",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ROWS 64

static enum cell cells[ROWS][BRANCHES];

static const char *const columns[BRANCHES] = {
    "ok",  "unk", "drv", "lis", "con", "arg", "err", "jsn", "emp", "sho",
    "byt", "bef", "dur", "aft", "len", "sil", "gon", "tim", "clo", "ask",
};

enum reason {
    REACHABLE,
    NO_HANDLE_TAKEN,
    RIGHT_KIND,
    ALL_WILL_DO,
    NOTHING_SENT,
    NEVER_ANSWERED,
    ONLY_WAITS,
    NO_LIMIT,
    NO_PEER,
    NOTHING_UNASKED,
    NO_DAEMON,
    REGISTRY,
    REASONS
};

static const char *const reasons[REASONS] = {
    "",
    "takes no handle (its signature)",
    "that is the kind of handle it takes",
    "every value of its arguments will do, or it has none but the handle",
    "sends the daemon nothing, so there is no reply to spoil",
    "its request is never answered; the daemon refuses such a rule",
    "sends nothing and waits for a push, which is not a reply",
    "takes no time limit and waits for no peer",
    "works on no stream and no listener, so no peer can close it",
    "nothing that comes unasked goes to it",
    "has nothing to do with a daemon: it only frees memory",
    "needs a registry to start against, which mockpilot is not",
};

static size_t row_count(void)
{
    return call_count + COUNT(others);
}

static const char *row_name(size_t row)
{
    return row < call_count ? calls[row].export : others[row - call_count];
}

static size_t find(const char *name)
{
    size_t row = 0;

    while (row < row_count() && strcmp(row_name(row), name) != 0)
        row++;
    return row;
}

static bool among(const char *export, const char *const *names)
{
    while (*names != NULL && strcmp(*names, export) != 0)
        names++;
    return *names != NULL;
}

static enum reason other_why_not(const char *export, enum branch branch)
{
    if (strcmp(export, "FreeString") == 0)
        return branch == SUCCESS ? REACHABLE : NO_DAEMON;
    if (branch >= UNKNOWN_HANDLE && branch <= CONN_HANDLE)
        return NO_HANDLE_TAKEN;
    if (strcmp(export, "PilotEmbeddedStop") == 0) {
        if (branch == BAD_ARGUMENT)
            return ALL_WILL_DO;
        return branch == SUCCESS || branch == SILENCE ? REACHABLE : REGISTRY;
    }
    return branch == BAD_ARGUMENT || branch == SILENCE ? REACHABLE : REGISTRY;
}

/* Replies that a rule can spoil: by what the call waits for. */
static enum reason reply_why_not(const struct call *call, enum branch branch)
{
    switch (call->answer) {
    case NO_REQUEST:
        if (call->on != NULL && (branch == CLOSED_BEFORE || branch == SILENCE))
            return REACHABLE; /* an arrival can be turned away */
        return NOTHING_SENT;
    case NO_REPLY:
        return branch == CLOSED_BEFORE || branch == SILENCE ? REACHABLE
                                                            : NEVER_ANSWERED;
    case PUSHED:
        return branch == EMPTY_REPLY || branch == SHORT_REPLY ||
                       branch == CLOSED_DURING || branch == SILENCE
                   ? REACHABLE
                   : ONLY_WAITS;
    default:
        return REACHABLE;
    }
}

static enum reason why_not(const char *export, enum branch branch)
{
    static const char *const limited[] = {"PilotDial", "PilotDialTimeout",
                                          "PilotWaitForTrust", "PilotConnRead",
                                          NULL};
    static const char *const joined[] = {"PilotConnRead", "PilotConnWrite",
                                         "PilotConnClose",
                                         "PilotListenerAccept", NULL};
    static const char *const woken[] = {"PilotConnRead", "PilotRecvFrom",
                                        "PilotListenerAccept", NULL};
    const struct call *call = call_named(export);

    if (call == NULL)
        return other_why_not(export, branch);
    switch (branch) {
    case SUCCESS:
    case DAEMON_GONE:
        return REACHABLE;
    case UNKNOWN_HANDLE:
        return call->takes == NO_HANDLE ? NO_HANDLE_TAKEN : REACHABLE;
    case DRIVER_HANDLE:
    case LISTENER_HANDLE:
    case CONN_HANDLE:
        if (call->takes == NO_HANDLE)
            return NO_HANDLE_TAKEN;
        return (int)call->takes - DRIVER == (int)branch - DRIVER_HANDLE
                   ? RIGHT_KIND
                   : REACHABLE;
    case BAD_ARGUMENT:
        return call->plain ? ALL_WILL_DO : REACHABLE;
    case TIMED_OUT:
        return among(export, limited) ? REACHABLE : NO_LIMIT;
    case PEER_CLOSED:
        return among(export, joined) ? REACHABLE : NO_PEER;
    case UNASKED:
        return among(export, woken) ? REACHABLE : NOTHING_UNASKED;
    default:
        return reply_why_not(call, branch);
    }
}

unsigned exports_why_not(const char *export, enum branch branch)
{
    return (unsigned)why_not(export, branch);
}

bool exports_aborts(const char *export, enum branch branch)
{
    return strcmp(export, "PilotListen") == 0 && branch == EMPTY_REPLY;
}

void exports_record(const char *export, enum branch branch, bool good)
{
    const size_t row = find(export);

    if (row >= row_count() || branch >= BRANCHES)
        return;
    if (!good)
        cells[row][branch] = FAILED;
    else if (cells[row][branch] != FAILED)
        cells[row][branch] = GOOD;
}

static struct finding {
    char export[40], input[100], effect[160];
} findings[120];
static size_t finding_count;

void exports_finding(const char *export, const char *input, const char *effect)
{
    struct finding *next = &findings[finding_count];

    if (finding_count == COUNT(findings))
        return;
    finding_count++;
    snprintf(next->export, sizeof next->export, "%s", export);
    snprintf(next->input, sizeof next->input, "%s", input);
    snprintf(next->effect, sizeof next->effect, "%s", effect);
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
        if (!declared(line, name, sizeof name))
            continue;
        if (find(name) < row_count())
            known++;
        else
            check_failed("exports: header", "exports that are all in the table",
                         name);
    }
    fclose(header);
    check_number("exports: header", OTHER, "exports that the table knows",
                 (long long)known, (long long)row_count());
}

void exports_check(const char *header_path)
{
    char what[80];

    check_header(header_path);
    for (size_t row = 0; row < row_count(); row++)
        for (size_t i = 0; i < BRANCHES; i++) {
            const bool reachable =
                why_not(row_name(row), (enum branch)i) == REACHABLE;

            if (reachable == (cells[row][i] != UNTRIED))
                continue;
            snprintf(what, sizeof what, "%s check of the branch \"%s\"",
                     reachable ? "a" : "no", branch_names[i]);
            check_failed(row_name(row), what, reachable ? "none" : "one");
        }
}

static void print_row(size_t row, size_t *reached, size_t *reachable)
{
    printf("%-26s", row_name(row));
    for (size_t i = 0; i < BRANCHES; i++) {
        const enum branch branch = (enum branch)i;
        const enum reason reason = why_not(row_name(row), branch);
        char number[4];

        snprintf(number, sizeof number, "%d", (int)reason);
        *reachable += reason == REACHABLE;
        *reached += reason == REACHABLE && cells[row][i] == GOOD;
        if (reason != REACHABLE)
            printf(" %-3s", number);
        else if (cells[row][i] == GOOD)
            printf(" %-3s",
                   exports_aborts(row_name(row), branch) ? "ABT" : "yes");
        else
            printf(" %-3s", cells[row][i] == FAILED ? "BAD" : "no");
    }
    printf("\n");
}

static bool alike(const struct finding *a, const struct finding *b)
{
    return strcmp(a->input, b->input) == 0 && strcmp(a->effect, b->effect) == 0;
}

/* One line for all exports of which the same was found. */
static void print_finding(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (alike(&findings[i], &findings[at]))
            return;
    printf("  %s: %s:", findings[at].input, findings[at].effect);
    for (size_t i = at; i < finding_count; i++)
        if (alike(&findings[i], &findings[at]))
            printf(" %s", findings[i].export);
    printf("\n");
}

void exports_print(void)
{
    size_t reached = 0, reachable = 0;

    printf("\n%-26s", "export");
    for (size_t i = 0; i < BRANCHES; i++)
        printf(" %-3s", columns[i]);
    printf("\n");
    for (size_t row = 0; row < row_count(); row++)
        print_row(row, &reached, &reachable);
    printf("\n%zu of %zu branches reached (yes; ABT: it ends the process of "
           "the caller)\n",
           reached, reachable);
    for (size_t i = 0; i < BRANCHES; i++)
        printf("%s%s %s%s", i % 4 ? "; " : "  ", columns[i], branch_names[i],
               i % 4 == 3 || i + 1 == BRANCHES ? "\n" : "");
    printf("not reachable, because the export\n");
    for (size_t i = 1; i < REASONS; i++)
        printf("  %-2zu %s\n", i, reasons[i]);
    printf("\nfindings about libpilot\n");
    for (size_t i = 0; i < finding_count; i++)
        print_finding(i);
    printf("\n");
}
