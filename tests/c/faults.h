/* What becomes of every call when the daemon answers it badly, or not. */
#ifndef HARNESS_FAULTS_H
#define HARNESS_FAULTS_H

/* Calls that come back, each with a driver of its own. */
void faults_run(void);

/* Calls that may never come back, each in a process of its own. */
void silence_run(void);

/* That what the table calls out of reach is. */
void reasons_run(void);

/* Calls that end the process that makes them, each in one of its own. */
void aborts_run(void);

#endif
