/* The control socket of the daemon under test: see control.h. */
#include "control.h"

#include <stdarg.h>
#include <stdio.h>

#include "check.h"
#include "daemon.h"

bool control(const char *verb, const char *format, ...)
{
    char json[2000], name[60];
    const char *error;
    va_list values;

    va_start(values, format);
    vsnprintf(json, sizeof json, format, values);
    va_end(values);
    error = daemon_ask(verb, json, NULL, 0);
    if (error == NULL)
        return true;
    snprintf(name, sizeof name, "control: %s", verb);
    check_failed(name, json, error);
    return false;
}

bool rule_set(const char *on, const char *how)
{
    return control("rule_add",
                   "{\"rule\":{\"name\":\"the one\",\"on\":\"%s\",%s}}", on,
                   how);
}

void rule_lift(void)
{
    control("rule_remove", "{\"name\":\"the one\"}");
}

void clients_drop(void)
{
    control("drop", "{\"client\":\"all\"}");
}
